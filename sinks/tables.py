"""The ClickHouse table of each topic, and the conversion of its messages to rows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from schemas import codecs, table_columns, topics
from schemas.codecs import KafkaMessage, headers_of
from schemas.coins import Coin, CoinDay
from schemas.dead_letters import read_letter
from schemas.errors import PoisonMessage
from schemas.history import ArchiveFile, CrossCheck, Hole, IrregularRow
from schemas.market import FIRST_REVISION, Candle, Gap, TradeBlock
from schemas.predictions import ModelVersion, Prediction, Score
from schemas.settings import SinkSettings
from schemas.symbols import SymbolChoice
from schemas.topics import Topic
from sinks.bulk_candle_rows import candle_rows
from sinks.history_rows import (
    archive_row,
    coin_day_row,
    coin_row,
    cross_check_row,
    hole_row,
    irregular_row,
)
from sinks.letter_rows import PlacedMessage, letter_row
from sinks.prediction_rows import row_writer
from sinks.rows import candle_row, gap_row, trade_rows
from sinks.symbol_rows import symbol_row

RecordT = TypeVar("RecordT")


@dataclass(frozen=True, slots=True)
class CandleKey:
    """What identifies a row of `candles` and `klines`, whatever its revision."""

    interval: str
    symbol: str
    open_ms: int
    source: str


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of one message, as RowBinary, and their number.

    Attributes:
        replaces: The candle whose earlier row these rows replace; None if they are no revision.
    """

    data: bytes
    count: int
    replaces: CandleKey | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """A topic and its table in ClickHouse.

    Attributes:
        columns: Column names, in the order of the rows' values.
        read: Converts a message to rows. Raises PoisonMessage for a message that the table can
            never store, ContractMismatch for one that only a newer version can read.
        linger_ms: Least milliseconds between two inserts of a partition.
        backlog_linger_ms: The same while a backlog is read; 0 to use ``linger_ms``.
        read_many: Converts many messages faster; None in place of a row that `read` must read.
    """

    topic: Topic
    name: str
    columns: tuple[str, ...]
    read: Callable[[PlacedMessage], Rows]
    linger_ms: int
    backlog_linger_ms: int = 0
    read_many: Callable[[Sequence[KafkaMessage]], list[bytes | None]] | None = None


def reader(
    record: type[RecordT],
    row: Callable[[RecordT], bytes],
    count: Callable[[RecordT], int] = lambda _: 1,
    replaces: Callable[[RecordT], CandleKey | None] = lambda _: None,
) -> Callable[[KafkaMessage], Rows]:
    """Return a function that converts the messages of a topic to rows.

    Args:
        record: Type of the topic's records.
        row: Converts a record to its rows, as RowBinary.
        count: Returns the number of those rows.
        replaces: Returns the candle whose earlier row they replace.
    """

    def read(message: KafkaMessage) -> Rows:
        found = codecs.record_in(record, message)
        try:
            return Rows(row(found), count(found), replaces(found))
        except (ValueError, OverflowError) as error:
            reason = f"{record.__name__} does not fit its table: {error}"
            raise PoisonMessage(reason, raw=message.value() or b"") from error

    return read


def many_candles(messages: Sequence[KafkaMessage]) -> list[bytes | None]:
    """Convert each candle message to its row; None for a message that must be read by itself."""
    rows = candle_rows([message.value() or b"" for message in messages])
    return [
        row if row is not None and _symbol_in(row) == message.key() else None
        for row, message in zip(rows, messages, strict=True)
    ]


def replaced(candle: Candle) -> CandleKey | None:
    """Return the candle whose earlier row a later revision replaces; None for a first one."""
    if candle.revision <= FIRST_REVISION:
        return None
    return CandleKey(candle.interval, candle.symbol, candle.open_ms, candle.source)


def dead_letter(message: PlacedMessage) -> Rows:
    """Convert a dead letter to its row; a note that its record was sent again has none."""
    letter = read_letter(message.value(), headers_of(message))
    return Rows(b"", 0) if letter.retried_ms >= 0 else Rows(letter_row(message, letter), 1)


def _symbol_in(row: bytes) -> bytes:
    return row[1 : 1 + row[0]]  # the first column: a length below 128, then the text


CANDLE_READER = reader(Candle, candle_row, replaces=replaced)
BLOCK_READER = reader(TradeBlock, trade_rows, len)


def tables_with(settings: SinkSettings) -> tuple[Table, ...]:
    """Return all tables, those first for which people wait: closed candles are few."""
    return (
        Table(topics.CANDLES, "candles", table_columns.CANDLE, CANDLE_READER, linger_ms=100),
        Table(topics.GAPS, "gaps", table_columns.GAP, reader(Gap, gap_row), linger_ms=500),
        Table(topics.HOLES, "holes", table_columns.HOLE, reader(Hole, hole_row), linger_ms=500),
        Table(
            topics.IRREGULAR_ROWS,
            "irregular_rows",
            table_columns.IRREGULAR_ROW,
            reader(IrregularRow, irregular_row),
            linger_ms=500,
        ),
        Table(
            topics.CROSS_CHECKS,
            "cross_checks",
            table_columns.CROSS_CHECK,
            reader(CrossCheck, cross_check_row),
            linger_ms=500,
        ),
        Table(
            topics.ARCHIVES,
            "archives",
            table_columns.ARCHIVE,
            reader(ArchiveFile, archive_row),
            linger_ms=500,
        ),
        Table(
            topics.SYMBOLS,
            "symbol_changes",
            table_columns.SYMBOL_CHANGE,
            reader(SymbolChoice, symbol_row),
            linger_ms=500,
        ),
        Table(topics.COINS, "coins", table_columns.COIN, reader(Coin, coin_row), linger_ms=500),
        Table(
            topics.COIN_DAYS,
            "coin_days",
            table_columns.COIN_DAY,
            reader(CoinDay, coin_day_row),
            linger_ms=500,
        ),
        Table(
            topics.PREDICTIONS,
            "predictions",
            table_columns.PREDICTION,
            reader(Prediction, row_writer(Prediction)),
            linger_ms=settings.live_linger_ms,
        ),
        Table(
            topics.SCORES,
            "scores",
            table_columns.SCORE,
            reader(Score, row_writer(Score)),
            linger_ms=500,
        ),
        Table(
            topics.MODEL_VERSIONS,
            "model_versions",
            table_columns.MODEL_VERSION,
            reader(ModelVersion, row_writer(ModelVersion)),
            linger_ms=500,
        ),
        Table(
            topics.KLINES,
            "klines",
            table_columns.CANDLE,
            CANDLE_READER,
            linger_ms=500,
            backlog_linger_ms=1_000,
            read_many=many_candles,
        ),
        Table(
            topics.CANDLES_1S,
            "candles_1s",
            table_columns.CANDLE,
            reader(Candle, candle_row),
            linger_ms=900,
            backlog_linger_ms=1_000,
            read_many=many_candles,
        ),
        Table(
            topics.CANDLES_LIVE,
            "candles_live",
            table_columns.CANDLE,
            CANDLE_READER,
            linger_ms=settings.live_linger_ms,
        ),
        Table(
            topics.TRADES,
            "trades",
            table_columns.TRADE,
            BLOCK_READER,
            linger_ms=settings.trades_linger_ms,
        ),
        Table(
            topics.DEAD_LETTERS,
            "dead_letters",
            table_columns.DEAD_LETTER,
            dead_letter,
            linger_ms=500,
        ),
    )


TABLES = tables_with(SinkSettings())
HISTORY = (  # with scores, because the first start brings a month of them at once
    topics.KLINES,
    topics.HOLES,
    topics.IRREGULAR_ROWS,
    topics.CROSS_CHECKS,
    topics.ARCHIVES,
    topics.COINS,
    topics.COIN_DAYS,
    topics.SCORES,
)
