"""Which topic goes to which table of ClickHouse, and how its messages become rows."""

from collections.abc import Callable
from dataclasses import dataclass

from schemas import topics
from schemas.codecs import decode
from schemas.errors import PoisonMessage
from schemas.market import Candle, Gap, TradeBlock
from schemas.topics import Topic
from sinks.rows import candle_row, gap_row, trade_rows


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of one message: RowBinary, and how many there are."""

    data: bytes
    count: int


@dataclass(frozen=True, slots=True)
class Table:
    """A topic's table in ClickHouse.

    Attributes:
        columns: The columns that the rows hold, in order.
        read: A message's rows. Raises PoisonMessage for a message that the table can never take,
            ContractMismatch for a contract that this version does not know.
        linger_ms: How long rows wait for company before they are inserted.
    """

    topic: Topic
    name: str
    columns: tuple[str, ...]
    read: Callable[[bytes], Rows]
    linger_ms: int


def read_block(raw: bytes) -> Rows:
    """Return the rows of a message of trades; an empty block has none."""
    block = decode(TradeBlock, raw)
    try:
        return Rows(trade_rows(block), len(block))
    except (ValueError, OverflowError) as error:
        raise PoisonMessage(f"trades do not fit the table: {error}", raw=raw) from error


def read_candle(raw: bytes) -> Rows:
    """Return the row of a message with a candle."""
    candle = decode(Candle, raw)
    try:
        return Rows(candle_row(candle), 1)
    except (ValueError, OverflowError) as error:
        raise PoisonMessage(f"candle does not fit the table: {error}", raw=raw) from error


def read_gap(raw: bytes) -> Rows:
    """Return the row of a message with a gap."""
    gap = decode(Gap, raw)
    try:
        return Rows(gap_row(gap), 1)
    except (ValueError, OverflowError) as error:
        raise PoisonMessage(f"gap does not fit the table: {error}", raw=raw) from error


_TRADE_COLUMNS = (
    "symbol",
    "agg_id",
    "first_trade_id",
    "fills",
    "event_time",
    "received_time",
    "price",
    "quantity",
    "taker_sold",
)
_CANDLE_COLUMNS = (
    "symbol",
    "interval",
    "open_time",
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
    "price_variation",
    "status",
    "revision",
    "source",
    "event_time",
)
_GAP_COLUMNS = (
    "symbol",
    "first_agg_id",
    "last_agg_id",
    "after_time",
    "before_time",
    "state",
    "noticed_time",
    "changed_time",
    "reason",
)
TABLES = (  # closed candles first: they are few, and somebody waits for them
    Table(topics.CANDLES, "candles", _CANDLE_COLUMNS, read_candle, linger_ms=100),
    Table(topics.GAPS, "gaps", _GAP_COLUMNS, read_gap, linger_ms=500),
    Table(topics.KLINES, "klines", _CANDLE_COLUMNS, read_candle, linger_ms=500),
    Table(topics.CANDLES_LIVE, "candles_live", _CANDLE_COLUMNS, read_candle, linger_ms=500),
    Table(topics.TRADES, "trades", _TRADE_COLUMNS, read_block, linger_ms=900),
)
