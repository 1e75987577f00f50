"""Names of market streams: `<symbol>@<kind>`, and what is carried under them."""

from dataclasses import dataclass
from typing import Final

from candlewick.exchange.market.intervals import INTERVALS

_KINDS: Final = frozenset({"aggTrade", "trade", "bookTicker", "miniTicker"})
ALL_MINI_TICKERS: Final = "!miniTicker@arr"


@dataclass(frozen=True, slots=True)
class Topic:
    """One stream that the exchange can fill.

    Attributes:
        name: As the client wrote it.
        symbol: In capitals; empty for a stream of the whole market.
        kind: `aggTrade`, `trade`, `bookTicker`, `miniTicker` or `kline`.
        interval: Of a kline, otherwise empty.
        unit: 1 where times are milliseconds, 1000 where they are microseconds.
    """

    name: str
    symbol: str
    kind: str
    interval: str
    unit: int


def topic_of(name: str, symbols: frozenset[str], *, unit: int) -> Topic | None:
    """Return the topic of a stream name, or None where Binance would accept it and stay silent."""
    if name == ALL_MINI_TICKERS:
        return Topic(name, "", "miniTicker", "", unit)
    lower, _, kind = name.partition("@")
    kind, _, interval = kind.partition("_")
    if lower != lower.lower() or lower.upper() not in symbols:
        return None
    known = interval in INTERVALS if kind == "kline" else kind in _KINDS and not interval
    return Topic(name, lower.upper(), kind, interval, unit) if known else None
