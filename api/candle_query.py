"""Which candles are asked for, and the SQL for it. Only our words are in the SQL; values are bound.

A candle of ours, made from trades, goes before the exchange's own; intervals above 15m are made
from 15m candles, and one that lacks any says `incomplete`.
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

    BEST = "best"  # ours, and the exchange's where there is none of ours
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
        rows=_rows(query),
        direction=query.order.value.upper(),
        after=_after(query),
        statuses="status IN {statuses:Array(String)}" if query.statuses else "true",
    )


def candle_parameters(query: CandleQuery) -> dict[str, Value]:
    """Return the values that are bound to the SQL."""
    from_ms, until_ms = _range(query)
    after_ms, after_symbol = query.after or (0, "")
    base = Interval.FIFTEEN_MINUTES if query.is_rolled_up else query.interval
    return {
        "symbols": list(query.symbols),
        "base": base.value,
        "interval": query.interval.value,
        "length_ms": query.interval.ms,
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


def _after(query: CandleQuery) -> str:
    if query.after is None:
        return "true"
    sign = ">" if query.order is Order.ASCENDING else "<"
    return f"(open_ms, symbol) {sign} ({{after_ms:Int64}}, {{after_symbol:String}})"


def _rows(query: CandleQuery) -> str:
    parts = {
        Origin.BEST: f"{_OURS} UNION ALL {_THEIRS}",
        Origin.TRADES: _OURS,
        Origin.EXCHANGE: _THEIRS,
    }
    picked = _PICKED.substitute(parts=parts[query.origin])
    return _ROLLUP.substitute(picked=picked) if query.is_rolled_up else picked


_TEXT = {
    name: f"replaceOne(toString({name}), ' ', 'T') || 'Z'" for name in ("open_time", "close_time")
}
_COLUMNS = (
    "symbol, interval, open_time, close_time, open, high, low, close, volume, quote_volume, "
    "trade_count, taker_buy_volume, taker_buy_quote_volume, first_trade_id, last_trade_id, "
    "status, revision, source"
)
_WHERE = """interval = {base:String} AND symbol IN {symbols:Array(String)}
    AND open_time >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
    AND open_time < fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC')"""
_OURS = f"SELECT {_COLUMNS}, 0 AS place FROM candles FINAL WHERE {_WHERE}"  # noqa: S608 - our words
_THEIRS = f"""SELECT {_COLUMNS},
    1 + indexOf(['rest', 'archive-daily', 'stream', 'archive-monthly'], source) AS place
    FROM klines FINAL WHERE {_WHERE}"""  # noqa: S608 - our words
_PICKED = Template("""SELECT * EXCEPT place, toUnixTimestamp64Milli(open_time) AS open_ms,
    toUnixTimestamp64Milli(close_time) AS close_ms
    FROM ($parts) ORDER BY symbol, open_time, place LIMIT 1 BY symbol, open_time""")
_ROLLUP = Template("""SELECT symbol, {interval:String} AS interval, open_ms,
    fromUnixTimestamp64Milli(open_ms, 'UTC') AS open_time, open_ms + {length_ms:Int64} AS close_ms,
    fromUnixTimestamp64Milli(open_ms + {length_ms:Int64}, 'UTC') AS close_time,
    argMin(c.open, c.open_ms) AS open, max(c.high) AS high, min(c.low) AS low,
    argMax(c.close, c.open_ms) AS close, sum(c.volume) AS volume,
    sum(c.quote_volume) AS quote_volume, sum(c.trade_count) AS trade_count,
    sum(c.taker_buy_volume) AS taker_buy_volume,
    sum(c.taker_buy_quote_volume) AS taker_buy_quote_volume,
    ifNull(minOrNullIf(c.first_trade_id, c.first_trade_id >= 0), -1) AS first_trade_id,
    max(c.last_trade_id) AS last_trade_id,
    multiIf(countIf(c.status = 'gapped') > 0, 'gapped',
        count() < intDiv({length_ms:Int64}, 900000), 'incomplete',
        countIf(c.status != 'quiet') = 0, 'quiet',
        countIf(c.status NOT IN ('official', 'quiet')) = 0, 'official', 'complete') AS status,
    max(c.revision) AS revision,
    if(uniqExact(c.source) = 1, any(c.source), 'mixed') AS source
    FROM ($picked) AS c
    GROUP BY symbol, intDiv(c.open_ms, {length_ms:Int64}) * {length_ms:Int64} AS open_ms""")
_OUTER = Template("""SELECT $final FROM (SELECT $named FROM ($rows)
    WHERE $after AND $statuses AND volume >= toDecimal128({minimum_volume:String}, 8)
    ORDER BY open_ms $direction, symbol $direction LIMIT {limit:UInt32})""")
