"""Candle queries and their SQL. The SQL is built only from our own text; values are bound.

The views define the best candle: `candles_best` has our own candles, made from trades, and the
exchange's where ours are missing or gapped. All but 1s, 1m and 15m are made from these. Candles of
1s are ours alone.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from string import Template

from api.http.times import END_MS
from api.queries.clickhouse import Value
from schemas.table_columns import CANDLE_VALUES
from schemas.timeframe import Interval

STORED = (Interval.ONE_MINUTE, Interval.FIFTEEN_MINUTES)
SETTLED_MS = 60_000  # a candle is sent seconds after its end, and again when REST corrects it
ROLLED_UP = (
    Interval.FIVE_MINUTES,
    Interval.THIRTY_MINUTES,
    Interval.ONE_HOUR,
    Interval.FOUR_HOURS,
    Interval.ONE_DAY,
    Interval.ONE_WEEK,
)
INTERVALS = (Interval.ONE_SECOND, *STORED, *ROLLED_UP)
KEYS = ("symbol", "interval", "open_ms")  # in every answer, because cursors are made from them
FIELDS = (
    *KEYS,
    "open_time",
    "close_ms",
    "close_time",
    *CANDLE_VALUES,
    "status",
    "revision",
    "source",
)


class Order(StrEnum):
    """Order by time, then by symbol."""

    ASCENDING = "asc"
    DESCENDING = "desc"


class Origin(StrEnum):
    """Source of the candles."""

    BEST = "best"  # ours, and the exchange's where ours are missing or gapped
    TRADES = "trades"
    EXCHANGE = "exchange"


@dataclass(frozen=True, slots=True)
class CandleQuery:
    """A query for candles that open in ``[from_ms, until_ms)``.

    Attributes:
        after: Open time and symbol of the previous page's last candle; None for the first page.
        statuses: Only candles with these statuses; empty for all.
        minimum_volume: Smallest volume in the base asset, as a plain decimal.
        skipped: Number of rows to leave out at the start.
        as_of_ms: Only what could be read at this time; None for what can be read now. It has no
            candles that are made from shorter ones.
    """

    symbols: tuple[str, ...]
    interval: Interval
    limit: int
    from_ms: int = 0
    until_ms: int = END_MS
    order: Order = Order.ASCENDING
    origin: Origin = Origin.BEST
    after: tuple[int, str] | None = None
    statuses: tuple[str, ...] = ()
    minimum_volume: str = "0"
    fields: tuple[str, ...] = FIELDS
    skipped: int = 0
    as_of_ms: int | None = None

    @property
    def is_rolled_up(self) -> bool:
        """Whether the candles are made from shorter ones."""
        return self.interval in ROLLED_UP

    @property
    def is_of_one_symbol(self) -> bool:
        """Whether it asks for the best stored candles of one symbol without conditions."""
        asks = self.skipped or self.has_conditions or self.as_of_ms is not None
        is_best = self.origin is Origin.BEST and self.interval in STORED
        return is_best and len(self.symbols) == 1 and not asks

    @property
    def picks(self) -> bool:
        """Whether the query itself must pick the best of the stored candles."""
        is_of_many = self.origin is Origin.EXCHANGE and self.as_of_ms is not None
        return (self.origin is Origin.BEST or is_of_many) and self.interval in STORED

    @property
    def has_conditions(self) -> bool:
        """Whether candles are filtered after the best are picked."""
        return bool(self.statuses) or asks_volume(self.minimum_volume)


def asks_volume(minimum: str) -> bool:
    """Return whether a least volume, a plain decimal, leaves any candle out."""
    return minimum.strip("0.") != ""


def candle_sql(query: CandleQuery) -> str:
    """Return the SQL of a query."""
    return _SQL.substitute(
        columns=", ".join(f"{_COLUMNS.get(name, f't.{name}')} AS {name}" for name in query.fields),
        table=_table(query),
        where=" AND ".join(_conditions(query)),
        direction=query.order.value.upper(),
        best=_PICKED if query.picks and not query.has_conditions else "",
    )


def candle_parameters(query: CandleQuery) -> dict[str, Value]:
    """Return the values that are bound to the SQL."""
    from_ms, until_ms = range_of(query)
    after_ms, after_symbol = query.after or (0, "")
    return {
        "symbols": list(query.symbols),
        "interval": query.interval.value,
        "from_ms": from_ms,
        "until_ms": until_ms,
        "after_ms": after_ms,
        "after_symbol": after_symbol,
        "statuses": list(query.statuses),
        "minimum_volume": query.minimum_volume,
        "limit": query.limit,
        "skipped": query.skipped,
        **({} if query.as_of_ms is None else {"as_of_ms": query.as_of_ms}),
    }


def range_of(query: CandleQuery) -> tuple[int, int]:
    """Return the range to read: whole candles, and nothing before the cursor."""
    interval, from_ms, until_ms = query.interval, query.from_ms, query.until_ms
    if query.after and query.order is Order.ASCENDING:
        from_ms = max(from_ms, query.after[0])
    if query.after and query.order is Order.DESCENDING:
        until_ms = min(until_ms, query.after[0] + 1)
    first_ms, end_ms = (ms + interval.ms - 1 for ms in (from_ms, until_ms))
    # Before the first Monday of 1970 there is no whole week; no candle is that old.
    return max(interval.open_of(first_ms), 0), max(interval.open_of(end_ms), 0)


def has_settled(query: CandleQuery, now_ms: int) -> bool:
    """Return whether all candles of a query have closed some time ago."""
    _, last_close_ms = range_of(query)  # the end asked for may lie inside the last candle
    return last_close_ms <= now_ms - SETTLED_MS


def _table(query: CandleQuery) -> str:
    if query.is_rolled_up:
        return f"candles_{query.interval.value} AS t"
    if query.interval is Interval.ONE_SECOND:
        return "candles_1s AS t FINAL"
    stored = _TABLES[query.origin] if query.as_of_ms is None else _AS_OF
    if _is_picked_inside(query):
        where = " AND ".join((_WHERE, *_source(query)))
        picked = f"ORDER BY t.open_time, t.symbol{_PICKED}"
        return f"(SELECT * FROM {stored} WHERE {where} {picked}) AS t"  # noqa: S608 - our words
    return stored


def _is_picked_inside(query: CandleQuery) -> bool:
    """Return whether the best are picked in a subquery, which takes longer to plan."""
    return query.picks and query.has_conditions


def _conditions(query: CandleQuery) -> Iterator[str]:
    if not _is_picked_inside(query):
        yield _WHERE
        yield from _source(query)
    if query.statuses:
        yield "t.status IN {statuses:Array(String)}"
    if asks_volume(query.minimum_volume):
        yield "t.volume >= toDecimal128({minimum_volume:String}, 8)"
    yield _after(query)


def _source(query: CandleQuery) -> Iterator[str]:
    """Yield the condition on the source, where the table has candles of all."""
    if query.as_of_ms is not None and query.origin is not Origin.BEST:
        sign = "=" if query.origin is Origin.TRADES else "!="
        yield f"t.source {sign} 'trades'"


def _after(query: CandleQuery) -> str:
    if query.after is None:
        return "true"
    sign = ">" if query.order is Order.ASCENDING else "<"
    moment = "fromUnixTimestamp64Milli({after_ms:Int64}, 'UTC')"
    return f"(t.open_time, t.symbol) {sign} ({moment}, {{after_symbol:String}})"


_WHERE = """t.interval = {interval:String} AND t.symbol IN {symbols:Array(String)}
    AND t.open_time >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
    AND t.open_time < fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC')"""
# The same result as the view candles_best in half the time: rows are picked, not aggregated.
_PICKED = ", t.rank LIMIT 1 BY t.open_time, t.symbol"
_AS_OF = "candles_as_of(as_of = fromUnixTimestamp64Milli({as_of_ms:Int64}, 'UTC')) AS t"
_TABLES = {
    Origin.BEST: "candles_ranked AS t FINAL",
    Origin.TRADES: "candles AS t FINAL",
    Origin.EXCHANGE: "klines_best AS t",
}
_COLUMNS = {
    name: f"toUnixTimestamp64Milli(t.{name.removesuffix('_ms')}_time)"
    for name in ("open_ms", "close_ms")
}
_SQL = Template("""SELECT $columns FROM $table WHERE $where
    ORDER BY t.open_time $direction, t.symbol $direction$best
    LIMIT {limit:UInt32} OFFSET {skipped:UInt32}""")
