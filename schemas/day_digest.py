"""The digest of a day: one SHA-256 over a symbol's 1m candles of a whole UTC day. Pure.

Two that saw the same market have the same one, however they came to their candles. The view
`day_digests` computes it in ClickHouse, from the same text; `DIGESTS_SQL` reads it.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from typing import Final

from schemas.decimals import plain
from schemas.market import Candle, CandleStatus
from schemas.timeframe import DAY_MS, Interval

CANDLES_A_DAY: Final = DAY_MS // Interval.ONE_MINUTE.ms
# With more decimals in a price times a quantity, the exchange rounds quote volumes, trade by trade.
EXACT_PLACES: Final = 8
# ClickHouse holds the text of all days that one query asks for: see `day_ranges`.
DAYS_AT_ONCE: Final = 100
DIGESTS_SQL: Final = """
SELECT symbol, toString(d.day) AS day, candles, sha256
FROM day_digests AS d
WHERE symbol = {symbol:String}
    AND d.day >= toDate(fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC'))
    AND d.day < toDate(fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC'))
ORDER BY d.day"""
_FINAL: Final = (CandleStatus.COMPLETE, CandleStatus.QUIET, CandleStatus.OFFICIAL)


@dataclass(frozen=True, slots=True)
class DayDigest:
    """A symbol's UTC day.

    Attributes:
        day: For example ``2024-08-09``.
        candles: How many of the day's 1,440 are there, closed and without a missing trade.
        sha256: Digest over all of them; None while one is missing.
    """

    symbol: str
    day: str
    candles: int
    sha256: str | None


def day_digests(candles: Iterable[Candle]) -> Iterator[DayDigest]:
    """Yield the days of a symbol's 1m candles, which come once each and oldest first."""
    for day, group in groupby(candles, key=lambda candle: candle.open_ms // DAY_MS):
        held = [candle for candle in group if candle.status in _FINAL]
        if held:
            name = datetime.fromtimestamp(day * DAY_MS // 1000, UTC).date().isoformat()
            sha256 = _digest(held) if len(held) == CANDLES_A_DAY else None
            yield DayDigest(held[0].symbol, name, len(held), sha256)


def day_ranges(from_ms: int, until_ms: int) -> Iterator[tuple[int, int]]:
    """Yield the whole UTC days that a range touches, in parts of which each is a query's.

    >>> list(day_ranges(DAY_MS - 1, 101 * DAY_MS)) == [
    ...     (0, 100 * DAY_MS), (100 * DAY_MS, 101 * DAY_MS)
    ... ]
    True
    """
    at, end = from_ms // DAY_MS, -(-until_ms // DAY_MS)
    while at < end:
        until = min(at + DAYS_AT_ONCE, end)
        yield at * DAY_MS, until * DAY_MS
        at = until


def canonical(candles: Iterable[Candle]) -> str:
    """Return the text that is hashed: a line a candle, oldest first, each with its line end.

    The fields are open_ms, open, high, low, close, volume, quote_volume, trade_count,
    taker_buy_volume and taker_buy_quote_volume, with commas between them. Decimals have neither
    exponent nor trailing zeros. Quote volumes are empty on a day whose prices and volumes have
    together more than 8 decimals: not everybody holds the same ones.
    """
    held = list(candles)
    price_places = max(max(map(_places, _prices(c))) for c in held)
    volume_places = max(_places(v) for c in held for v in (c.volume_e8, c.taker_buy_volume_e8))
    is_exact = price_places + volume_places <= EXACT_PLACES
    return "".join(_line(candle, with_quotes=is_exact) for candle in held)


def _digest(candles: Iterable[Candle]) -> str:
    return hashlib.sha256(canonical(candles).encode()).hexdigest()


def _line(candle: Candle, *, with_quotes: bool) -> str:
    quote, taker_quote = candle.quote_volume_e8, candle.taker_buy_quote_volume_e8
    fields = (
        str(candle.open_ms),
        *map(plain, _prices(candle)),
        plain(candle.volume_e8),
        plain(quote) if with_quotes else "",
        str(candle.trade_count),
        plain(candle.taker_buy_volume_e8),
        plain(taker_quote) if with_quotes else "",
    )
    return ",".join(fields) + "\n"


def _prices(candle: Candle) -> tuple[int, int, int, int]:
    return candle.open_e8, candle.high_e8, candle.low_e8, candle.close_e8


def _places(value_e8: int) -> int:
    return len(plain(value_e8).partition(".")[2])
