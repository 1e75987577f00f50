"""Queries of predictions and scores: the newest of each symbol, and scores since a moment."""

from dataclasses import dataclass, fields

from clients.clickhouse import Client, rows_of
from schemas.predictions import Prediction, Score
from schemas.table_columns import column_of

_NEWEST = """
SELECT {columns} FROM predictions
WHERE (symbol, issued_time) IN
(
    SELECT symbol, max(issued_time) FROM predictions
    WHERE open_time > {since} - INTERVAL 2 DAY GROUP BY symbol
)
AND ({{symbol:String}} = '' OR symbol = {{symbol:String}})
ORDER BY symbol, champion DESC, model, stored_time
LIMIT 1 BY symbol, model
"""
# Of all time only where the last days have none: after a long outage, or in a replayed market.
_SINCE = (
    "now()",
    "(SELECT max(open_time) FROM predictions WHERE {symbol:String} IN ('', symbol))",
)
_SCORED = """
SELECT DISTINCT symbol FROM scores
WHERE ({symbol:String} = '' OR symbol = {symbol:String})
    AND open_time >= fromUnixTimestamp64Milli({since_ms:Int64}, 'UTC')
ORDER BY symbol
"""
_SCORES = """
SELECT {columns} FROM scores FINAL
WHERE symbol = {{symbol:String}}
    AND open_time >= fromUnixTimestamp64Milli({{since_ms:Int64}}, 'UTC')
ORDER BY open_time, issued_time, model
"""
_IN_TIME = """
SELECT uniqExact(issued_time) FROM scores
WHERE symbol = {symbol:String} AND model = 'reference'
    AND open_time >= fromUnixTimestamp64Milli({since_ms:Int64}, 'UTC')
    AND issued_time IN
    (
        SELECT issued_time FROM predictions
        WHERE symbol = {symbol:String} AND model = 'reference' AND scored
            AND open_time >= fromUnixTimestamp64Milli({since_ms:Int64}, 'UTC')
    )
"""


@dataclass(frozen=True, slots=True)
class PredictionTables:
    """Queries of the prediction tables.

    Attributes:
        client: Read-only client.
        symbol: Symbol to select; empty for all.
    """

    client: Client
    symbol: str = ""

    def newest(self) -> list[Prediction]:
        """Return every model's newest prediction for each symbol, the champion's first."""
        for since in _SINCE:
            query = _NEWEST.format(columns=_columns(Prediction), since=since)
            rows = rows_of(self.client, query, {"symbol": self.symbol})
            if rows:
                break
        return [Prediction(*row) for row in rows]

    def scored(self, since_ms: int) -> list[str]:
        """Return the symbols that have scores of candles opened since a moment."""
        parameters = {"symbol": self.symbol, "since_ms": since_ms}
        return [str(row[0]) for row in rows_of(self.client, _SCORED, parameters)]

    def scores(self, symbol: str, since_ms: int) -> list[Score]:
        """Return one symbol's scores of candles opened since a moment, in order of time."""
        query = _SCORES.format(columns=_columns(Score))
        parameters = {"symbol": symbol, "since_ms": since_ms}
        return [Score(*row) for row in rows_of(self.client, query, parameters)]

    def asked_live(self, symbol: str, since_ms: int) -> int:
        """Return how many of the scored predictions were made live; the others were replayed."""
        parameters = {"symbol": symbol, "since_ms": since_ms}
        return int(rows_of(self.client, _IN_TIME, parameters)[0][0])


def _columns(record: type) -> str:
    return ", ".join(_column(field.name) for field in fields(record))


def _column(name: str) -> str:
    column = column_of(name)
    if name.endswith("_ms"):
        return f"toUnixTimestamp64Milli({column})"
    return f"toInt64({column} * 100000000)" if name.endswith("_e8") else column
