"""Which candles are asked for, and the SQL for it. Only our words are in the SQL; values are bound.

The views say what a candle is: `candles_best` has ours, made from trades, and the exchange's where
there is none of ours or ours is gapped; those above 15m are made from them.
"""

from dataclasses import dataclass
from enum import StrEnum
from string import Template

from api.reader import Value
from api.times import END_MS
from schemas.timeframe import Interval

STORED = (Interval.ONE_MINUTE, Interval.FIFTEEN_MINUTES)
ROLLED_UP = (Interval.ONE_HOUR, Interval.FOUR_HOURS, Interval.ONE_DAY)
INTERVALS = (*STORED, *ROLLED_UP)
KEYS = ("symbol", "interval", "open_ms")  # in every answer, as a cursor is made of them
FIELDS = (
    *KEYS,
    "open_time",
    "close_ms",
    "close_time",
    "open",
    "high",
    "low",
    "close",
    "volume",
    "quote_volume",
    "trade_count",
    "taker_buy_volume",
    "taker_buy_quote_volume",
    "first_trade_id",
    "last_trade_id",
    "status",
    "revision",
    "source",
)


class Order(StrEnum):
    """By time, then by symbol."""

    ASCENDING = "asc"
    DESCENDING = "desc"


class Origin(StrEnum):
    """Whose candles."""

    BEST = "best"  # ours, and the exchange's where there is none of ours or ours is gapped
    TRADES = "trades"
    EXCHANGE = "exchange"


@dataclass(frozen=True, slots=True)
class CandleQuery:
    """Candles that begin in ``[from_ms, until_ms)``.

    Attributes:
        after: Open time and symbol of the last candle that the caller has; None at the beginning.
        statuses: Only these; empty for all.
        minimum_volume: In the base asset, a plain decimal.
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

    @property
    def is_rolled_up(self) -> bool:
        """Whether it is made from shorter candles."""
        return self.interval in ROLLED_UP


def candle_sql(query: CandleQuery, *, as_text: bool) -> str:
    """Return the SQL of a query.

    Args:
        query: What is asked.
        as_text: Times as ISO 8601 text, else as ClickHouse's own type.
    """
    columns = (_TEXT.get(name, name) if as_text else name for name in query.fields)
    named = (f"{column} AS {name}_" for column, name in zip(columns, query.fields, strict=True))
    return _OUTER.substitute(
        named=", ".join(named),
        final=", ".join(f"{name}_ AS {name}" for name in query.fields),
        table=_table(query),
        direction=query.order.value.upper(),
        after=_after(query),
        statuses="status IN {statuses:Array(String)}" if query.statuses else "true",
    )


def candle_parameters(query: CandleQuery) -> dict[str, Value]:
    """Return the values that are bound to the SQL."""
    from_ms, until_ms = _range(query)
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
    }


def _range(query: CandleQuery) -> tuple[int, int]:
    """Return what has to be read: whole candles, and nothing before the cursor."""
    length, from_ms, until_ms = query.interval.ms, query.from_ms, query.until_ms
    if query.after and query.order is Order.ASCENDING:
        from_ms = max(from_ms, query.after[0])
    if query.after and query.order is Order.DESCENDING:
        until_ms = min(until_ms, query.after[0] + 1)
    return -(-from_ms // length) * length, -(-until_ms // length) * length


def _table(query: CandleQuery) -> str:
    if query.is_rolled_up:
        return f"candles_{query.interval.value}"
    return _TABLES[query.origin]


def _after(query: CandleQuery) -> str:
    if query.after is None:
        return "true"
    sign = ">" if query.order is Order.ASCENDING else "<"
    return f"(open_ms, symbol) {sign} ({{after_ms:Int64}}, {{after_symbol:String}})"


_TABLES = {
    Origin.BEST: "candles_best",
    Origin.TRADES: "candles FINAL",
    Origin.EXCHANGE: "klines_best",
}
_TEXT = {
    name: f"replaceOne(toString({name}), ' ', 'T') || 'Z'" for name in ("open_time", "close_time")
}
_OUTER = Template("""SELECT $final FROM (SELECT $named FROM (
    SELECT *, toUnixTimestamp64Milli(open_time) AS open_ms,
        toUnixTimestamp64Milli(close_time) AS close_ms
    FROM $table WHERE interval = {interval:String} AND symbol IN {symbols:Array(String)}
    AND open_time >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
    AND open_time < fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC'))
    WHERE $after AND $statuses AND volume >= toDecimal128({minimum_volume:String}, 8)
    ORDER BY open_ms $direction, symbol $direction LIMIT {limit:UInt32})""")
