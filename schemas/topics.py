"""The Kafka topics: content, key, retention, writers and readers of each."""

from dataclasses import dataclass
from enum import StrEnum

from schemas.coins import Coin, CoinDay
from schemas.history import ArchiveFile, CrossCheck, History, Hole, IrregularRow
from schemas.market import Candle, Gap, TradeBlock
from schemas.predictions import ModelEvent, ModelVersion, Prediction, Score, TrainingRequest
from schemas.symbols import SymbolChoice
from schemas.timeframe import DAY_MS

FOR_EVER = -1
CANDLE_APP = "candlewick-candles"  # Faust application and consumer group
CANDLE_TABLE = "state"
PREDICTION_APP = "candlewick-predictions"
NOTIFY_GROUP = "candlewick-notify"


class Cleanup(StrEnum):
    """How Kafka removes records: past their retention, or all but the newest of a key."""

    DELETE = "delete"
    COMPACT = "compact"


@dataclass(frozen=True, slots=True)
class Topic:
    """One Kafka topic.

    Attributes:
        record: Type of its values; None for raw bytes.
        key: Description of the key, for people.
        retention_ms: Kafka's ``retention.ms``; -1 keeps for ever.
        segment_bytes: Kafka's ``segment.bytes``, or None for the broker's default. Changelogs have
            small segments: only whole ones are compacted, and a restart reads the rest.
    """

    name: str
    record: type | None
    key: str
    retention_ms: int
    purpose: str
    written_by: str
    read_by: str
    cleanup: Cleanup = Cleanup.DELETE
    segment_bytes: int | None = None


TRADES = Topic(
    name="market.trades.v1",
    record=TradeBlock,
    key="symbol",
    retention_ms=7 * DAY_MS,
    purpose="gap-free runs of aggregate trades",
    written_by="stream",
    read_by="candle worker, sinks; stream at its start",
)
CANDLES = Topic(
    name="market.candles.v1",
    record=Candle,
    key="symbol",
    retention_ms=FOR_EVER,
    purpose="closed candles made from trades, 1m and 15m",
    written_by="candle worker, `candlewick backfill --trades`",
    read_by="predictor, sinks, API, notify, subscribers",
)
CANDLES_1S = Topic(  # apart, because they are many, and few want them
    name="market.candles-1s.v1",
    record=Candle,
    key="symbol",
    retention_ms=7 * DAY_MS,
    purpose="closed candles of one second made from trades, if a setting says so",
    written_by="candle worker",
    read_by="sinks, subscribers",
)
CANDLES_LIVE = Topic(
    name="market.candles-live.v1",
    record=Candle,
    key="symbol",
    retention_ms=DAY_MS,
    purpose="the open candle, at most once a second a symbol",
    written_by="candle worker",
    read_by="predictor, sinks, API, notify, subscribers",
)
KLINES = Topic(
    name="market.klines.v1",
    record=Candle,
    key="symbol",
    retention_ms=FOR_EVER,
    purpose="the exchange's own closed candles",
    written_by="stream, backfill",
    read_by="backfill, sinks, notify; stream at its start",
)
GAPS = Topic(
    name="market.gaps.v1",
    record=Gap,
    key="symbol",
    retention_ms=FOR_EVER,
    purpose="gaps in the trades: found, repaired, given up; eras of ids",
    written_by="stream",
    read_by="sinks, API, notify, annotate; stream at its start",
)
HOLES = Topic(
    name="market.holes.v1",
    record=Hole,
    key="symbol",
    retention_ms=FOR_EVER,
    purpose="candles that the exchange itself does not have, with the proof",
    written_by="backfill",
    read_by="backfill, sinks",
)
IRREGULAR_ROWS = Topic(
    name="market.irregular-rows.v1",
    record=IrregularRow,
    key="symbol",
    retention_ms=FOR_EVER,
    purpose="rows of candles that cannot be one, as the exchange published them",
    written_by="backfill",
    read_by="sinks",
)
CROSS_CHECKS = Topic(
    name="market.cross-checks.v1",
    record=CrossCheck,
    key="symbol",
    retention_ms=FOR_EVER,
    purpose="comparisons of a day's 15m candles with its 1m candles",
    written_by="backfill",
    read_by="sinks",
)
ARCHIVES = Topic(
    name="market.archives.v1",
    record=ArchiveFile,
    key="file name",
    retention_ms=FOR_EVER,
    purpose="archive files that were read, with their checksums",
    written_by="backfill, `candlewick backfill --trades`",
    read_by="backfill, sinks",
    cleanup=Cleanup.COMPACT,
    segment_bytes=16 * 1024 * 1024,
)
HISTORY = Topic(
    name="market.history.v1",
    record=History,
    key="symbol and interval",
    retention_ms=FOR_EVER,
    purpose="candles of the past that the klines topic contains",
    written_by="backfill",
    read_by="backfill",
    cleanup=Cleanup.COMPACT,
    segment_bytes=16 * 1024 * 1024,
)
COINS = Topic(
    name="market.coins.v1",
    record=Coin,
    key="coin id",
    retention_ms=FOR_EVER,
    purpose="rank, capitalisation, supply and changes of each coin",
    written_by="coins",
    read_by="sinks",
    cleanup=Cleanup.COMPACT,
)
COIN_DAYS = Topic(
    name="market.coin-days.v1",
    record=CoinDay,
    key="coin id",
    retention_ms=FOR_EVER,
    purpose="daily capitalisation of each coin, a year back",
    written_by="coins",
    read_by="coins, sinks",
)
SYMBOLS = Topic(
    name="market.symbols.v1",
    record=SymbolChoice,
    key="symbol and who chose",
    retention_ms=FOR_EVER,
    purpose="which symbols are followed, by whose choice, and how each is traded",
    written_by="stream, command line",
    read_by="stream, backfill, coins, predictor, trainer, sinks, API, notify, command line",
    cleanup=Cleanup.COMPACT,
    segment_bytes=16 * 1024 * 1024,
)
PREDICTIONS = Topic(
    name="model.predictions.v1",
    record=Prediction,
    key="symbol",
    retention_ms=30 * DAY_MS,
    purpose="where the open candle will close, by every model",
    written_by="predictor",
    read_by="sinks, API, notify, subscribers",
)
SCORES = Topic(
    name="model.scores.v1",
    record=Score,
    key="symbol",
    retention_ms=FOR_EVER,
    purpose="the score of each prediction, once its candle has closed",
    written_by="predictor",
    read_by="sinks, API",
)
MODEL_VERSIONS = Topic(
    name="model.versions.v1",
    record=ModelVersion,
    key="model, symbol, version, event and its time",
    retention_ms=FOR_EVER,
    purpose=f"events of models, each with its evidence: {', '.join(ModelEvent)}",
    written_by="predictor, trainer, command line",
    read_by="predictor, sinks, notify, annotate",
    cleanup=Cleanup.COMPACT,
)
TRAINING_REQUESTS = Topic(
    name="model.training-requests.v1",
    record=TrainingRequest,
    key="symbol",
    retention_ms=7 * DAY_MS,
    purpose="requests to train a model on a range of time",
    written_by="API, command line, predictor",
    read_by="trainer, API",
)
DEAD_LETTERS = Topic(
    name="pipeline.dead-letters.v1",
    record=None,
    key="none",
    retention_ms=30 * DAY_MS,
    purpose="records that cannot be read; reason and origin in the headers",
    written_by="every process",
    read_by="sinks, command line; stream, backfill and coins",
)
CANDLE_CHANGELOG = Topic(
    name=f"{CANDLE_APP}-{CANDLE_TABLE}-changelog",
    record=None,
    key="symbol",
    retention_ms=FOR_EVER,
    purpose="state of the candles under construction",
    written_by="candle worker",
    read_by="candle worker",
    cleanup=Cleanup.COMPACT,
    segment_bytes=16 * 1024 * 1024,
)
ALL = (
    TRADES,
    CANDLES,
    CANDLES_1S,
    CANDLES_LIVE,
    KLINES,
    GAPS,
    HOLES,
    IRREGULAR_ROWS,
    CROSS_CHECKS,
    ARCHIVES,
    HISTORY,
    COINS,
    COIN_DAYS,
    SYMBOLS,
    PREDICTIONS,
    SCORES,
    MODEL_VERSIONS,
    TRAINING_REQUESTS,
    DEAD_LETTERS,
    CANDLE_CHANGELOG,
)


def topic_config(topic: Topic) -> dict[str, str]:
    """Return the configuration that Kafka needs to create a topic."""
    config = {"cleanup.policy": topic.cleanup.value, "retention.ms": str(topic.retention_ms)}
    if topic.segment_bytes is not None:
        config["segment.bytes"] = str(topic.segment_bytes)
        config["min.cleanable.dirty.ratio"] = "0.1"
    return config
