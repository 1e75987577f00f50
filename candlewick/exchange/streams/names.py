"""Names of market streams, `<symbol>@<kind>`, and their parts."""

from dataclasses import dataclass
from typing import Final

from candlewick.exchange.market.intervals import INTERVALS

_KINDS: Final = frozenset({"aggTrade", "trade", "bookTicker", "miniTicker"})
ALL_MINI_TICKERS: Final = "!miniTicker@arr"


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


def topic_of(name: str, symbols: frozenset[str], *, unit: int) -> Topic | None:
    """Return the topic of a stream name; None for one that Binance accepts but never fills."""
    if name == ALL_MINI_TICKERS:
        return Topic(name, "", "miniTicker", "", unit)
    lower, _, kind = name.partition("@")
    kind, _, interval = kind.partition("_")
    if lower != lower.lower() or lower.upper() not in symbols:
        return None
    known = interval in INTERVALS if kind == "kline" else kind in _KINDS and not interval
    return Topic(name, lower.upper(), kind, interval, unit) if known else None
