"""Names of market streams, `<symbol>@<kind>`, and their parts."""

import re
from dataclasses import dataclass
from typing import Final

from candlewick.exchange.market.intervals import INTERVALS

STREAMS: Final = {
    "<symbol>@aggTrade": "aggregate trades",
    "<symbol>@trade": "trades",
    "<symbol>@bookTicker": "best bid and ask after each trade",
    "<symbol>@miniTicker": "the last 24 hours, each second",
    "<symbol>@kline_<interval>": "klines: every 2 seconds, `1s` every second, and when one closes",
    "!miniTicker@arr": "all mini tickers in one message; `!miniTicker@arr@1000ms` too",
}
_KINDS: Final = frozenset({"aggTrade", "trade", "bookTicker", "miniTicker"})
_ALL_MINI_TICKERS: Final = frozenset({"!miniTicker@arr", "!miniTicker@arr@1000ms"})
# Streams of the exchange that are not served. Source: web-socket-streams.md, CHANGELOG.md.
_UNSERVED: Final = re.compile(
    r"[^@!]+@(?:ticker|avgPrice|referencePrice|blockTrade|ticker_\w+|depth\d*(?:@\d+ms)?"
    r"|kline_\w+@[+-]\d\d:\d\d)"
    r"|!(?:ticker|bookTicker)(?:@arr)?|!ticker_\w+@arr"
)


@dataclass(frozen=True, slots=True)
class Topic:
    """One stream that the exchange can send.

    Attributes:
        name: Name as the client wrote it.
        symbol: Symbol in capitals; empty for a stream of the whole market.
        kind: `aggTrade`, `trade`, `bookTicker`, `miniTicker` or `kline`.
        interval: Interval of a kline, otherwise empty.
        unit: 1 for times in milliseconds, 1000 for microseconds.
    """

    name: str
    symbol: str
    kind: str
    interval: str
    unit: int


def is_unserved(name: str) -> bool:
    """Return whether a name is that of a stream which Binance fills and this exchange does not."""
    return _UNSERVED.fullmatch(name) is not None


def topic_of(name: str, symbols: frozenset[str], *, unit: int) -> Topic | None:
    """Return the topic of a stream name; None for one that Binance accepts but never fills."""
    if name in _ALL_MINI_TICKERS:
        return Topic(name, "", "miniTicker", "", unit)
    lower, _, kind = name.partition("@")
    kind, _, interval = kind.partition("_")
    if lower != lower.lower() or lower.upper() not in symbols:
        return None
    known = interval in INTERVALS if kind == "kline" else kind in _KINDS and not interval
    return Topic(name, lower.upper(), kind, interval, unit) if known else None
