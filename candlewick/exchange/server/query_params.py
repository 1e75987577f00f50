"""Parser of query parameters, with Binance's rules and errors."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import orjson
from starlette.datastructures import QueryParams

from candlewick.exchange.market.intervals import INTERVALS, MINUTE_MS, Interval
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


def names_of(query: QueryParams, statuses: Mapping[str, str]) -> list[str]:
    """Read symbol, symbols and symbolStatus; return the names of all symbols if none is named.

    Args:
        query: Parameters of the request.
        statuses: The listed symbols with their trading statuses.

    Raises:
        ApiError: -1100, -1121, -1122, -1128 or -1220.
    """
    status = query.get("symbolStatus")
    if status not in {None, "TRADING", "HALT", "BREAK"}:
        raise errors.ApiError(-1122, "Invalid symbolStatus.")
    if "symbol" in query and "symbols" in query:
        raise errors.combination()
    if "symbol" in query:
        names = [symbol_of(query, frozenset(statuses))]
    elif "symbols" in query:
        names = _listed(query["symbols"], statuses)
    else:
        return [name for name, held in statuses.items() if status in {None, held}]
    if any(status not in {None, statuses[name]} for name in names):
        raise errors.other_status(str(status))
    return names


def _listed(text: str, statuses: Mapping[str, str]) -> list[str]:
    try:
        names = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise _not_symbols() from error
    if not names or not isinstance(names, list):
        raise _not_symbols()
    for name in names:
        if not isinstance(name, str) or not _SYMBOL.fullmatch(name):
            raise _not_symbols()
    if len(set(names)) < len(names):
        raise errors.duplicated("symbols")
    if any(name not in statuses for name in names):
        raise errors.ApiError(-1121, "Invalid symbol.")
    return names


def _not_symbols() -> errors.ApiError:
    legal = r'^\["[A-Z0-9-_.]{1,20}"(,"[A-Z0-9-_.]{1,20}"){0,}\]$'
    return errors.illegal("symbols", legal)


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


def same_grid(query: QueryParams, interval: Interval) -> None:
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
    is_same = offset == 0 or (
        interval.length_ms > 0 and offset * MINUTE_MS % interval.length_ms == 0
    )
    if not _WEST <= offset <= _EAST or not is_same:
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
