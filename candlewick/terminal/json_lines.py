"""`--json`, the same for every command that prints a table: one JSON object a line.

Times and numbers are written as the API writes them: times ISO 8601 in UTC under names that end in
``_time``, prices and amounts exact as strings. What is not known is null. Most names are the API's
too; others are a command's own, and never change either.
"""

import sys
from collections.abc import Iterable, Mapping
from typing import Annotated, Final

import orjson
import typer

from api.http.times import iso
from schemas.decimals import plain

AsJson = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]
_PLACES: Final = {"_e8": 8, "_e16": 16}


def print_json(rows: Iterable[Mapping[str, object]]) -> None:
    """Print rows as JSON, one a line, and flush standard output."""
    for row in rows:
        line = orjson.dumps(told(row), option=orjson.OPT_NON_STR_KEYS)
        sys.stdout.write(line.decode() + "\n")
    sys.stdout.flush()


def told(row: Mapping[str, object]) -> dict[str, object]:
    """Return a row with times, prices and amounts as the API gives them.

    >>> told({"symbol": "BTCUSDT", "open_ms": 0, "close_e8": 150_000_000, "retried_ms": -1})
    {'symbol': 'BTCUSDT', 'open_time': '1970-01-01T00:00:00.000Z', 'close': '1.5', 'retried_time': None}
    """  # noqa: E501 - one line of a doctest
    return dict(_field(name, value) for name, value in row.items())


def _field(name: str, value: object) -> tuple[str, object]:
    if name.endswith("_ms"):
        return f"{name.removesuffix('_ms')}_time", _moment(value)
    for suffix, places in _PLACES.items():
        if name.endswith(suffix):
            shown = plain(value, places=places) if isinstance(value, int) else None
            return name.removesuffix(suffix), shown
    return name, value


def _moment(value: object) -> str | None:
    if not isinstance(value, int) or value < 0:
        return None
    try:
        return iso(value)
    except OverflowError:  # outside the calendar's years, as in a record of nonsense
        return str(value)
