"""A console that gives tables enough width when the output is not a terminal."""

import sys

from rich.console import Console

_PLENTY = 160


def wide_console() -> Console:
    """Return a console as wide as the terminal, or 160 columns wide for a file or pipe."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else _PLENTY)
