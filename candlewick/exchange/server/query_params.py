"""Parser of query parameters, with Binance's rules and errors."""

import re
from dataclasses import dataclass
from typing import Final

from starlette.datastructures import QueryParams

from candlewick.exchange.market.intervals import INTERVALS, MINUTE_MS
from candlewick.exchange.server import errors

_WHOLE: Final = re.compile(r"[0-9]{1,20}")
_SYMBOL: Final = re.compile(r"[A-Z0-9\-_.\u0080-\uffff]{1,20}")
_ZONE: Final = re.compile(r"(?P<sign>[+-]?)(?P<hours>[0-9]{1,2})(?::(?P<minutes>[0-5][0-9]))?")
_WEST, _EAST = -12 * 60, 14 * 60  # minutes
_DEFAULT_LIMIT: Final = 500
MOST_ROWS: Final = 1_000


@dataclass(frozen=True, slots=True)
class Range:
    """The requested rows of one symbol; times are UTC epoch milliseconds, both inclusive."""

    symbol: str
    start_ms: int | None
    end_ms: int | None
    limit: int


def checked(query: QueryParams, known: tuple[str, ...]) -> None:
    """Reject parameters that are unknown, empty or sent twice.

    Raises:
        ApiError: -1101, -1104 or -1105.
    """
    names = [name for name, _ in query.multi_items()]
    for name, value in query.multi_items():
        if names.count(name) > 1:
            raise errors.duplicated(name)
        if name in known and not value:
            raise errors.empty(name)
    read = sum(name in known for name in names)
    if read < len(names):
        raise errors.unread(read, len(names))


def range_of(query: QueryParams, symbols: frozenset[str]) -> Range:
    """Read symbol, startTime, endTime and limit.

    Raises:
        ApiError: -1100, -1102, -1121 or -1130.
    """
    limit = whole(query, "limit")
    if limit == 0:
        raise errors.invalid("limit")
    return Range(
        symbol=symbol_of(query, symbols),
        start_ms=whole(query, "startTime"),
        end_ms=whole(query, "endTime"),
        limit=min(_DEFAULT_LIMIT if limit is None else limit, MOST_ROWS),
    )


def symbol_of(query: QueryParams, symbols: frozenset[str]) -> str:
    """Read the symbol.

    Raises:
        ApiError: -1100, -1102 or -1121.
    """
    symbol = query.get("symbol")
    if symbol is None:
        raise errors.missing("symbol")
    if not _SYMBOL.fullmatch(symbol):
        raise errors.illegal("symbol", "^[A-Z0-9-_.]{1,20}$")
    if symbol not in symbols:
        raise errors.ApiError(-1121, "Invalid symbol.")
    return symbol


def interval_of(query: QueryParams) -> str:
    """Read the interval of klines.

    Raises:
        ApiError: -1102 or -1120.
    """
    interval = query.get("interval")
    if interval is None:
        raise errors.missing("interval")
    if interval not in INTERVALS:
        raise errors.ApiError(-1120, "Invalid interval.")
    return interval


def same_grid(query: QueryParams, length_ms: int) -> None:
    """Accept a time zone in which candles open when they do in UTC, as 1h does in whole hours.

    Raises:
        ApiError: -1130: it is no zone, or candles would open at other times, which we do not make.

    Source: binance-spot-api-docs, rest-api.md, "Kline/Candlestick data", timeZone.
    """
    text = query.get("timeZone", "0")
    found = _ZONE.fullmatch(text)
    if found is None:
        raise errors.invalid("timeZone")
    minutes = int(found["hours"]) * 60 + int(found["minutes"] or 0)
    offset = -minutes if found["sign"] == "-" else minutes
    if not _WEST <= offset <= _EAST or offset * MINUTE_MS % length_ms:
        raise errors.invalid("timeZone")


def whole(query: QueryParams, name: str) -> int | None:
    """Read an optional whole number.

    Raises:
        ApiError: -1100.
    """
    text = query.get(name)
    if text is None:
        return None
    if not _WHOLE.fullmatch(text):
        raise errors.illegal(name, "^[0-9]{1,20}$")
    return int(text)
