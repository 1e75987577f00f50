"""What ClickHouse holds of the exchange's candles, for the comparison of 15m with 1m candles."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any, Final

from clients.clickhouse import Client, connect_reader, connect_writer, rows_of
from producers.history.contradictions import Contradiction, Day
from schemas.settings import ClickHouseSettings
from schemas.timeframe import DAY_MS

_ANSWER_S: Final = 60.0
_MONTH_MS: Final = 31 * DAY_MS  # at a time: ClickHouse needs little memory for it
_DAYS: Final = """
    SELECT toInt64(toUnixTimestamp(toDateTime(k.day, 'UTC'))) * 1000,
        toUnixTimestamp64Milli(k.newest), if(c.state = 'differs', c.reason, '')
    FROM
    (
        SELECT toDate(open_time) AS day, max(stored_time) AS newest
        FROM klines
        WHERE symbol = {symbol:String} AND interval IN ('1m', '15m')
            AND open_time < fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC')
        GROUP BY day
        HAVING uniqExact(interval) = 2
    ) AS k
    LEFT JOIN
    (
        SELECT toDate(open_time) AS day, argMax(seen_time, checked_time) AS seen,
            argMax(state, checked_time) AS state, argMax(reason, checked_time) AS reason
        FROM cross_checks
        WHERE symbol = {symbol:String}
        GROUP BY day
    ) AS c ON k.day = c.day
    WHERE k.newest > c.seen
    ORDER BY k.day
"""
_COMPARED: Final = """
    SELECT toInt64(toUnixTimestamp(toStartOfDay(open_time))) * 1000 AS day_ms, count(),
        groupArrayIf((toUnixTimestamp64Milli(open_time), differs, said, made, sources,
            minute_sources, all_sources), notEmpty(differs))
    FROM quarters_compared(symbol = {symbol:String}, from_ms = {from_ms:Int64},
        until_ms = {until_ms:Int64})
    GROUP BY day_ms
"""
_NEWEST: Final = """
    SELECT count() FROM klines WHERE symbol = {symbol:String} AND interval = {interval:String}
        AND open_time = fromUnixTimestamp64Milli({open_ms:Int64}, 'UTC')
        AND stored_time >= fromUnixTimestamp64Milli({since_ms:Int64}, 'UTC')
"""


class StoredDays:
    """A connection to ClickHouse; every method raises what `clients.clickhouse.answered` does."""

    def __init__(self, settings: ClickHouseSettings) -> None:
        """Connect, as the reader if it has a password here, else as the writer."""
        reads = settings.reader_password.get_secret_value()
        self._client: Client = connect_reader(settings) if reads else connect_writer(settings)

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def due(self, symbol: str, *, until_ms: int) -> list[Day]:
        """Return the days whose candles are newer than their last comparison, compared now."""
        days = self._ask(_DAYS, symbol=symbol, until_ms=until_ms)
        found = []
        for _, month in groupby(days, key=lambda day: int(day[0]) // _MONTH_MS):
            found += self._compared(symbol, list(month))
        return found

    def holds(self, symbol: str, interval: str, open_ms: int, *, since_ms: int) -> bool:
        """Return whether a candle was stored since a moment of the store's clock."""
        asked = {"symbol": symbol, "interval": interval, "open_ms": open_ms, "since_ms": since_ms}
        return bool(self._ask(_NEWEST, **asked)[0][0])

    def clock_ms(self) -> int:
        """Return the store's time."""
        return int(self._ask("SELECT toUnixTimestamp64Milli(now64(3))")[0][0])

    def rows(self) -> int:
        """Return how many of the exchange's candles are stored."""
        return int(self._ask("SELECT count() FROM klines")[0][0])

    def _compared(self, symbol: str, days: Sequence[Sequence[Any]]) -> list[Day]:
        span = {"from_ms": days[0][0], "until_ms": days[-1][0] + DAY_MS}
        rows = {row[0]: row[1:] for row in self._ask(_COMPARED, symbol=symbol, **span)}
        found = []
        for open_ms, seen_ms, before in days:
            compared, differing = rows.get(open_ms, (0, ()))
            contradictions = [Contradiction(*fields) for fields in sorted(differing)]
            found.append(Day(symbol, open_ms, seen_ms, compared, contradictions, before))
        return found

    def _ask(self, query: str, **asked: object) -> Sequence[Sequence[Any]]:
        return rows_of(self._client, query, asked, limit_s=_ANSWER_S)
