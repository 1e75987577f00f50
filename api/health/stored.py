"""The age of the newest row of each table in ClickHouse, by symbol."""

from collections.abc import Iterable
from dataclasses import dataclass

from api.queries.clickhouse import Reader, Row


@dataclass(frozen=True, slots=True)
class _Look:
    """Where the newest row of a symbol is looked for in a table.

    Attributes:
        rows: Condition on the rows, and the column of their event time.
        near: Time in which nearly every symbol has a row. ClickHouse opens only parts that reach
            into it; a day's trades are one part after a while, so to look back for longer reads
            them all.
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
    near = {table: (look.rows, look.near) for table, look in _LOOKS.items()}
    ages = _by_place(reader.rows(_asked(near), {"symbols": symbols}))
    missing = [(table, s) for table in TABLES for s in symbols if (table, s) not in ages]
    if missing:
        far = {table: (_LOOKS[table].rows, _LOOKS[table].far) for table, _ in missing}
        lacking = tuple({symbol: None for _, symbol in missing})
        ages = _by_place(reader.rows(_asked(far), {"symbols": lacking})) | ages
    return [
        Stored(table, symbol, ages.get((table, symbol))) for table in TABLES for symbol in symbols
    ]


def _asked(looks: dict[str, tuple[str, str]]) -> str:
    tables = (_OF_TABLE.format(table, *look) for table, look in looks.items())
    return _QUERY.format("\nUNION ALL".join(tables))


def _by_place(rows: Iterable[Row]) -> dict[tuple[str, str], float]:
    return {(str(r["name"]), str(r["symbol"])): float(str(r["age_s"])) for r in rows}
