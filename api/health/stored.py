"""The age of the newest row of each table in ClickHouse, by symbol."""

from dataclasses import dataclass

from api.queries.clickhouse import Reader

# Ages are by ClickHouse's clock, not by event time, because the market may be a replayed one. The
# newest candle only limits the range, so that a query does not read the whole table.
_QUERY = """
WITH (SELECT max(open_time) FROM candles WHERE interval = '1m') AS newest
SELECT name, symbol, dateDiff('millisecond', stored, now64(3)) / 1000 AS age_s FROM
(
    SELECT 'trades' AS name, symbol, max(stored_time) AS stored FROM trades
    WHERE symbol IN {symbols:Array(String)} AND event_time >= newest - INTERVAL 3 HOUR
    GROUP BY symbol
    UNION ALL
    SELECT 'candles', symbol, max(stored_time) FROM candles
    WHERE symbol IN {symbols:Array(String)} AND open_time >= newest - INTERVAL 1 DAY
        AND interval = '1m'
    GROUP BY symbol
    UNION ALL
    SELECT 'candles_live', symbol, max(stored_time) FROM candles_live
    WHERE symbol IN {symbols:Array(String)} AND open_time >= newest - INTERVAL 1 DAY
        AND interval = '15m'
    GROUP BY symbol
    UNION ALL
    SELECT 'klines', symbol, max(stored_time) FROM klines
    WHERE symbol IN {symbols:Array(String)} AND open_time >= newest - INTERVAL 1 DAY
        AND interval = '1m'
    GROUP BY symbol
    UNION ALL
    SELECT 'predictions', symbol, max(stored_time) FROM predictions
    WHERE symbol IN {symbols:Array(String)} AND open_time >= newest - INTERVAL 1 DAY
        AND interval = '15m'
    GROUP BY symbol
    UNION ALL
    SELECT 'scores', symbol, max(stored_time) FROM scores
    WHERE symbol IN {symbols:Array(String)} AND open_time >= newest - INTERVAL 1 DAY
        AND interval = '15m'
    GROUP BY symbol
)
ORDER BY name, symbol"""
TABLES = ("trades", "candles", "candles_live", "klines", "predictions", "scores")


@dataclass(frozen=True, slots=True)
class Stored:
    """The newest row of a symbol in a table.

    Attributes:
        age_s: Seconds since it was stored; None if no recent row exists.
    """

    table: str
    symbol: str
    age_s: float | None


def read_stored(reader: Reader, symbols: tuple[str, ...]) -> list[Stored]:
    """Return the age of the newest row of each table and symbol; raises as `Reader.raw` does."""
    rows = reader.rows(_QUERY, {"symbols": symbols})
    ages = {(str(r["name"]), str(r["symbol"])): float(str(r["age_s"])) for r in rows}
    return [
        Stored(table, symbol, ages.get((table, symbol))) for table in TABLES for symbol in symbols
    ]
