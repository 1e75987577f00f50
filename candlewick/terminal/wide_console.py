"""A console that does not squeeze tables when nobody's window limits them."""

import sys

from rich.console import Console

_PLENTY = 160


def wide_console() -> Console:
    """Return a console as wide as the terminal, or wide where the output goes to a file."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else _PLENTY)
