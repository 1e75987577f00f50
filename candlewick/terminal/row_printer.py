"""Printer of a stream of rows: aligned columns, or one JSON object a line."""

import sys
from collections.abc import Iterable
from datetime import UTC, datetime

from rich.console import Console
from rich.text import Text

from candlewick.terminal.json_lines import print_json
from candlewick.terminal.record_rows import Row

_LONGEST = 64  # a SHA-256 is shown whole
_TIMES = {"open_ms": "opens", "close_ms": "closes"}  # open and close are prices
_COLOURS = {"complete": "green", "gapped": "red", "given-up": "red", "found": "yellow"}


class RowPrinter:
    """Prints rows as they arrive; a column is as wide as its widest value so far."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._console = Console(highlight=False, soft_wrap=True)
        self._widths: dict[str, int] = {}

    def print(self, rows: Iterable[Row]) -> None:
        """Print rows, and flush standard output."""
        if self._as_json:
            print_json(rows)
        else:
            self._print_columns([{_heading(k): shown(k, v) for k, v in r.items()} for r in rows])
        sys.stdout.flush()

    def _print_columns(self, rows: list[dict[str, str]]) -> None:
        for row in rows:
            if row.keys() != self._widths.keys():
                self._widths = {name: max(len(name), len(text)) for name, text in row.items()}
                self._console.print(Text(self._line({n: n for n in row}), style="bold"))
            self._console.print(Text(self._line(row), style=_colour(row)))

    def _line(self, row: dict[str, str]) -> str:
        for name, text in row.items():
            self._widths[name] = max(self._widths[name], len(text))
        return "  ".join(text.ljust(self._widths[name]) for name, text in row.items()).rstrip()


def shown(name: str, value: str | int | bool | None) -> str:  # noqa: FBT001 - a cell of any kind
    """Format a cell: times as UTC, flags as yes or no, an unknown value as empty text."""
    if value is None or (name.endswith("_ms") and value == -1):
        return ""
    if name.endswith("_ms"):
        return utc(int(value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = " ".join(str(value).split())
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def utc(time_ms: int) -> str:
    """Format a time in UTC to the millisecond; one outside the calendar's years stays a number."""
    try:
        moment = datetime.fromtimestamp(time_ms // 1000, UTC)
    except (OverflowError, OSError, ValueError):
        return str(time_ms)
    return f"{moment:%Y-%m-%d %H:%M:%S}.{time_ms % 1000:03d}"


def _heading(name: str) -> str:
    return _TIMES.get(name, name.removesuffix("_ms"))


def _colour(row: dict[str, str]) -> str:
    if "unreadable" in row:
        return "red"
    state = row.get("status") or row.get("state") or row.get("taker_sold", "")
    return _COLOURS.get(state, "")
