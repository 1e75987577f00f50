"""The age of the newest row of each table in ClickHouse, by symbol."""

from collections.abc import Mapping
from dataclasses import dataclass

from api.queries.clickhouse import Reader


@dataclass(frozen=True, slots=True)
class _Look:
    """Where the newest row of a symbol is looked for in a table.

    Attributes:
        rows: Condition on the rows, and the column of their event time.
        near: Time in which nearly every symbol has a row: to look back for longer reads all that
            was stored in it, at each look.
        far: The longest time that a symbol without such a row is looked for.
    """

    rows: str
    near: str
    far: str


_MINUTES = _Look("interval = '1m' AND open_time", "1 HOUR", "1 DAY")
_QUARTERS = _Look("interval = '15m' AND open_time", "1 HOUR", "1 DAY")
_LOOKS = {
    "trades": _Look("event_time", "10 MINUTE", "3 HOUR"),
    "candles": _MINUTES,
    "candles_live": _QUARTERS,
    "klines": _MINUTES,
    "predictions": _QUARTERS,
    "scores": _QUARTERS,
}
TABLES = tuple(_LOOKS)
# Ages are by ClickHouse's clock, not by event time, because the market may be a replayed one. The
# newest candle is that of any length: then ClickHouse knows it without reading one.
_QUERY = """
WITH (SELECT max(open_time) FROM candles) AS newest
SELECT name, symbol, dateDiff('millisecond', stored, now64(3)) / 1000 AS age_s
FROM ({})"""
_OF_TABLE = """
SELECT '{0}' AS name, symbol, max(stored_time) AS stored FROM {0}
WHERE symbol IN {{symbols:Array(String)}} AND {1} >= newest - INTERVAL {2}
GROUP BY symbol"""


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
    ages = _ages(reader, {table: look.near for table, look in _LOOKS.items()}, symbols)
    missing = [(table, s) for table in TABLES for s in symbols if (table, s) not in ages]
    if missing:
        far = {table: _LOOKS[table].far for table, _ in missing}
        ages = _ages(reader, far, tuple(dict.fromkeys(s for _, s in missing))) | ages
    return [
        Stored(table, symbol, ages.get((table, symbol))) for table in TABLES for symbol in symbols
    ]


def _ages(
    reader: Reader, spans: Mapping[str, str], symbols: tuple[str, ...]
) -> dict[tuple[str, str], float]:
    """Return the age of the newest row by table and symbol, looking back for a table's span."""
    tables = (_OF_TABLE.format(table, _LOOKS[table].rows, span) for table, span in spans.items())
    rows = reader.rows(_QUERY.format("\nUNION ALL".join(tables)), {"symbols": symbols})
    return {(str(r["name"]), str(r["symbol"])): float(str(r["age_s"])) for r in rows}
