"""Queries of ClickHouse about proven days: what is stored, and does it equal the exchange's."""

from dataclasses import dataclass
from typing import Final

from clients.clickhouse import Client, rows_of
from processors.candles.sending import most_flat
from schemas.replayed import PROVEN_REVISION
from schemas.timeframe import DAY_MS, Interval

# What was stored before may be a live candle, or what an earlier run made of the same file. The age
# is reckoned by ClickHouse's own clock, which need not be ours.
_STORED = """
SELECT uniqExact(interval, open_time)
FROM candles
WHERE symbol = {symbol:String}
  AND revision > {proven:Int32}
  AND stored_time >= now64(3) - toIntervalMillisecond({age_ms:Int64})
  AND open_time >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
  AND open_time < fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC')
"""
_COMPARED = """
SELECT countIf(result = 'verified'), countIf(result = 'mismatch'), countIf(result = 'only-ours'),
       countIf(is_there AND status = 'gapped'), countIf(is_there)
FROM candles_compared
WHERE symbol = {symbol:String} AND interval IN ('1m', '15m')
  AND open_time >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
  AND open_time < fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC')
"""
# In the exchange's candles too: a stretch of ours that was deleted is no silence. Earlier revisions
# may count, as trades of a candle are added only.
_SILENT = """
SELECT sum(greatest(least(next, {until_ms:Int64}) - greatest(due_until, {from_ms:Int64}), 0))
FROM
(
    SELECT
        open_ms + ({most_flat:Int64} + 1) * {length_ms:Int64} AS due_until,
        leadInFrame(open_ms, 1, {until_ms:Int64}) OVER (
            ORDER BY open_ms ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) AS next
    FROM
    (
        SELECT toUnixTimestamp64Milli(open_time) AS open_ms
        FROM
        (
            SELECT symbol, interval, open_time, trade_count FROM candles
            UNION ALL
            SELECT symbol, interval, open_time, trade_count FROM klines
        )
        WHERE symbol = {symbol:String} AND interval = {interval:String} AND trade_count > 0
          AND open_time >= fromUnixTimestamp64Milli({since_ms:Int64}, 'UTC')
          AND open_time < fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC')
    )
)
"""
_NEW_ERA = """
SELECT toUnixTimestamp64Milli(min(before_time))
FROM gaps
WHERE symbol = {symbol:String} AND state = 'new-era'
HAVING count() > 0
"""
_AT_ONCE_MS: Final = 100 * DAY_MS


@dataclass(frozen=True, slots=True)
class Comparison:
    """How candles of ours compare with the exchange's: equal, different, and without one.

    Attributes:
        gapped: Candles of ours in which trades are missing.
        stored: All candles of ours.
    """

    verified: int = 0
    mismatched: int = 0
    unchecked: int = 0
    gapped: int = 0
    stored: int = 0

    def __add__(self, other: "Comparison") -> "Comparison":
        return Comparison(
            self.verified + other.verified,
            self.mismatched + other.mismatched,
            self.unchecked + other.unchecked,
            self.gapped + other.gapped,
            self.stored + other.stored,
        )


def stored_candles(client: Client, symbol: str, span: tuple[int, int], *, age_ms: int) -> int:
    """Return how many proven candles of a time range were stored lately, of all intervals.

    Args:
        client: Reads.
        symbol: Of which pair.
        span: Start and end of the time range.
        age_ms: How long ago they may have been stored.
    """
    bound = {"symbol": symbol, "from_ms": span[0], "until_ms": span[1]}
    bound |= {"proven": PROVEN_REVISION, "age_ms": age_ms}
    return int(rows_of(client, _STORED, bound)[0][0])


def compared(client: Client, symbol: str, from_ms: int, until_ms: int) -> Comparison:
    """Return how our candles of a time range compare with the exchange's."""
    found = Comparison()
    for at_ms in range(from_ms, until_ms, _AT_ONCE_MS):
        end_ms = min(at_ms + _AT_ONCE_MS, until_ms)
        bound = {"symbol": symbol, "from_ms": at_ms, "until_ms": end_ms}
        found += Comparison(*rows_of(client, _COMPARED, bound)[0])
    return found


def never_made(client: Client, symbol: str, interval: Interval, from_ms: int, until_ms: int) -> int:
    """Return how many candles of a time range nobody makes, as a long silence holds them.

    So many candles without trades are made behind the last trade, and no more (`most_flat`).
    """
    silent_ms = 0
    bound = {"symbol": symbol, "interval": str(interval), "length_ms": interval.ms}
    bound |= {"most_flat": most_flat(interval)}
    for at_ms in range(from_ms, until_ms, _AT_ONCE_MS):
        end_ms = min(at_ms + _AT_ONCE_MS, until_ms)
        # Each month with a file has a trade: the last one before a silence lies in this time.
        span = {"from_ms": at_ms, "until_ms": end_ms, "since_ms": max(at_ms - _AT_ONCE_MS, 0)}
        silent_ms += int(rows_of(client, _SILENT, bound | span)[0][0])
    return silent_ms // interval.ms


def first_new_era_ms(client: Client, symbol: str) -> int | None:
    """Return when trade ids of a symbol first began again; None if they never did."""
    found = rows_of(client, _NEW_ERA, {"symbol": symbol})
    return int(found[0][0]) if found else None
