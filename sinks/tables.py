"""Which topic goes to which table of ClickHouse, and how its messages become rows."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from schemas import topics
from schemas.codecs import decode
from schemas.coins import Coin, CoinDay
from schemas.errors import PoisonMessage
from schemas.history import ArchiveFile, Hole
from schemas.market import Candle, Gap, TradeBlock
from schemas.predictions import ModelVersion, Prediction, Score
from schemas.topics import Topic
from sinks import columns
from sinks.candle_batches import candle_rows
from sinks.history_rows import archive_row, coin_day_row, coin_row, hole_row
from sinks.prediction_rows import MODEL_VERSION, PREDICTION, SCORE, row_writer
from sinks.rows import candle_row, gap_row, trade_rows

RecordT = TypeVar("RecordT")


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
        backlog_linger_ms: How long while many more are there to be read; 0 for as long.
        read_many: The row of each of many messages, faster; None for one that `read` has to read.
    """

    topic: Topic
    name: str
    columns: tuple[str, ...]
    read: Callable[[bytes], Rows]
    linger_ms: int
    backlog_linger_ms: int = 0
    read_many: Callable[[list[bytes]], list[bytes | None]] | None = None


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


def _reader(record: type[RecordT], row: Callable[[RecordT], bytes]) -> Callable[[bytes], Rows]:
    def read(raw: bytes) -> Rows:
        try:
            return Rows(row(decode(record, raw)), 1)
        except (ValueError, OverflowError) as error:
            raise PoisonMessage(f"{record.__name__} does not fit: {error}", raw=raw) from error

    return read


TABLES = (  # closed candles first: they are few, and somebody waits for them
    Table(topics.CANDLES, "candles", columns.CANDLE, read_candle, linger_ms=100),
    Table(topics.GAPS, "gaps", columns.GAP, read_gap, linger_ms=500),
    Table(topics.HOLES, "holes", columns.HOLE, _reader(Hole, hole_row), linger_ms=500),
    Table(
        topics.ARCHIVES,
        "archives",
        columns.ARCHIVE,
        _reader(ArchiveFile, archive_row),
        linger_ms=500,
    ),
    Table(topics.COINS, "coins", columns.COIN, _reader(Coin, coin_row), linger_ms=500),
    Table(
        topics.COIN_DAYS,
        "coin_days",
        columns.COIN_DAY,
        _reader(CoinDay, coin_day_row),
        linger_ms=500,
    ),
    Table(
        topics.PREDICTIONS,
        "predictions",
        PREDICTION,
        _reader(Prediction, row_writer(Prediction)),
        linger_ms=100,
    ),
    Table(topics.SCORES, "scores", SCORE, _reader(Score, row_writer(Score)), linger_ms=500),
    Table(
        topics.MODEL_VERSIONS,
        "model_versions",
        MODEL_VERSION,
        _reader(ModelVersion, row_writer(ModelVersion)),
        linger_ms=500,
    ),
    Table(
        topics.KLINES,
        "klines",
        columns.CANDLE,
        read_candle,
        linger_ms=500,
        backlog_linger_ms=1_000,
        read_many=candle_rows,
    ),
    Table(topics.CANDLES_LIVE, "candles_live", columns.CANDLE, read_candle, linger_ms=500),
    Table(topics.TRADES, "trades", columns.TRADE, read_block, linger_ms=900),
)
HISTORY = (  # scores come a month at once at the first start
    topics.KLINES,
    topics.HOLES,
    topics.ARCHIVES,
    topics.COINS,
    topics.COIN_DAYS,
    topics.SCORES,
)
