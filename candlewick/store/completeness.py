"""Queries of ClickHouse: stored and missing candles by month, and the digests of days."""

from collections.abc import Iterator
from dataclasses import dataclass

from clients.clickhouse import Client, rows_of
from schemas.day_digest import DIGESTS_SQL, DayDigest, day_ranges
from schemas.timeframe import DAY_MS

_KEYS = """
SELECT DISTINCT symbol, interval
FROM
(
    SELECT symbol, interval FROM klines
    UNION ALL
    SELECT symbol, interval FROM candles
    UNION ALL
    SELECT symbol, interval FROM holes
)
WHERE ({symbol:String} = '' OR symbol = {symbol:String})
  AND ({interval:String} = '' OR interval = {interval:String})
ORDER BY symbol, toUInt32OrZero(interval), interval
"""
# One symbol and interval a query: ClickHouse reads only their rows, and memory stays small.
_MONTHS = """
SELECT symbol, interval, formatDateTime(month, '%Y-%m'), expected, held, official_holes,
       unproven_holes, irregular_holes, ended_holes, missing, gapped, verified, mismatched,
       if(interval = '15m', compared, 0), if(interval = '15m', differing, 0),
       formatDateTime(not_trading_since, '%Y-%m-%d %H:%i:%S') AS since,
       toUnixTimestamp64Milli(not_trading_since) AS since_ms
FROM completeness_traded
LEFT JOIN
(
    SELECT toStartOfMonth(open_time) AS month, sum(compared) AS compared,
           sum(differing) AS differing
    FROM
    (
        SELECT open_time, argMax(c.compared, checked_time) AS compared,
               argMax(c.differing, checked_time) AS differing
        FROM cross_checks AS c
        WHERE symbol = {symbol:String}
        GROUP BY open_time
    )
    GROUP BY month
) AS checks USING month
WHERE symbol = {symbol:String} AND interval = {interval:String}
ORDER BY month
"""

_SPANS = """
SELECT symbol, toUnixTimestamp64Milli(min(open_time)), toUnixTimestamp64Milli(max(open_time))
FROM candles_ranked
WHERE interval = '1m' AND ({symbol:String} = '' OR symbol = {symbol:String})
GROUP BY symbol
ORDER BY symbol
"""


@dataclass(frozen=True, slots=True)
class Month:
    """Counts of the candles of a symbol, interval and month.

    ``expected`` is the sum of ``held``, the holes of each kind, and ``missing``.

    Attributes:
        month: For example ``2024-08``.
        expected: All, from the first stored or listed to the last that closed a minute ago.
        held: Stored, from the exchange or from a complete set of trades.
        official_holes: Absent at the exchange, which its trade ids prove.
        unproven_holes: Absent at the exchange, without such a proof.
        irregular_holes: In their place the exchange has rows that cannot be candles.
        ended_holes: After the last trade of a symbol that is not traded any more.
        missing: Present at the exchange but not stored.
        gapped: Part of the missing: stored from trades, some of which are missing.
        verified: Made from trades and equal to the exchange's.
        mismatched: Made from trades and different from the exchange's.
        compared: The exchange's 15m candles that were compared with its 1m candles.
        differing: Part of them: they are not what those make.
        not_trading_since: Time of the newest trade, UTC, of a symbol that the exchange does not
            trade any more: later candles are `ended_holes`. None for others.
        not_trading_since_ms: The same, as a moment.
    """

    symbol: str
    interval: str
    month: str
    expected: int
    held: int
    official_holes: int
    unproven_holes: int
    irregular_holes: int
    ended_holes: int
    missing: int
    gapped: int
    verified: int
    mismatched: int
    compared: int
    differing: int
    not_trading_since: str | None
    not_trading_since_ms: int | None


def read_completeness(client: Client, *, symbol: str, interval: str) -> Iterator[Month]:
    """Yield the months of each symbol and interval; an empty argument selects all.

    Raises:
        Transient: ClickHouse does not answer.
        ContractMismatch: It lacks a table or view of this version.
    """
    wanted = {"symbol": symbol, "interval": interval}
    for found in rows_of(client, _KEYS, wanted):
        key = {"symbol": found[0], "interval": found[1]}
        yield from (Month(*row) for row in rows_of(client, _MONTHS, key))


def read_digests(
    client: Client, *, symbol: str, from_ms: int = 0, until_ms: int | None = None
) -> Iterator[DayDigest]:
    """Yield the UTC days of each symbol of which candles are stored; no symbol selects all.

    Args:
        client: Connection to ClickHouse.
        symbol: The only symbol.
        from_ms: A moment of the first day.
        until_ms: A moment of the day after the last; None for all days.

    Raises:
        Transient: ClickHouse does not answer.
        ContractMismatch: It lacks a table or view of this version.
    """
    for name, first_ms, last_ms in rows_of(client, _SPANS, {"symbol": symbol}):
        end_ms = last_ms + 1 if until_ms is None else min(until_ms // DAY_MS * DAY_MS, last_ms + 1)
        for begin_ms, before_ms in day_ranges(max(first_ms, from_ms), end_ms):
            bound = {"symbol": name, "from_ms": begin_ms, "until_ms": before_ms}
            yield from (DayDigest(*row) for row in rows_of(client, DIGESTS_SQL, bound))
