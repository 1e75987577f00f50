"""The Faust application of the predictor: topics, agents, warm start. No arithmetic here."""

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import faust
from faust.types import TP

from clients.process import leave
from clients.watching.log import EventLog
from processors.extra.host import close_hosts
from processors.extra.specification import specifications
from processors.metrics import PUBLISHED, WAITING, WARM
from processors.predictor.endings import Endings
from processors.predictor.extra_models import ExtraModels
from processors.predictor.ports import Acknowledgements, Done, Record
from processors.predictor.predictor import Predictor, nobody
from processors.predictor.warm_start_jobs import WarmStartJobs
from processors.runtime.app import SESSION_S, WorkerApp, raw_topic, worker_app
from processors.runtime.fence import Fence
from processors.runtime.guard import beat_in_thread, watch_progress
from processors.runtime.letters import Letters
from processors.runtime.stopped_partitions import Standing
from processors.runtime.transport import CarefulConsumer
from processors.training.due import DueTrainings
from processors.versions.follower import VersionFollower
from processors.versions.installer import Installer
from processors.versions.schedule import ModelSchedule
from processors.versions.store import ModelStore
from schemas import codecs, topics
from schemas.dead_letters import Origin, plain_headers
from schemas.errors import ContractMismatch, PoisonMessage
from schemas.market import Candle
from schemas.predictions import ModelVersion, Prediction, Score, TrainingRequest
from schemas.replayed import is_replayed
from schemas.settings import Settings

if TYPE_CHECKING:
    import asyncio

_log = EventLog(__name__)
_NEWEST_S: Final = 15 * 60.0  # the rest of the past is replayed from the store
_TOPICS: dict[type, topics.Topic] = {
    Prediction: topics.PREDICTIONS,
    Score: topics.SCORES,
    ModelVersion: topics.MODEL_VERSIONS,
}


class KafkaOutlet:
    """Sends records to their topics through Faust's producer."""

    def __init__(self, app: WorkerApp) -> None:
        self._topics = {record: raw_topic(app, topic) for record, topic in _TOPICS.items()}

    async def publish(self, records: Iterable[Record]) -> Acknowledgements:
        """Send records, each to the topic of its type; return what is done when Kafka has them."""
        sent = []
        for record in records:
            PUBLISHED.labels(type(record).__name__).inc()
            sent.append(await send(self._topics[type(record)], record))
        return sent


class Inbox:
    """Decodes candles from messages; an unreadable message becomes a dead letter.

    Attributes:
        topics: Names of the topics that are read.
        taken: Newest offset processed in each partition.
        standing: Partitions that are stopped.
    """

    topics: Final = frozenset([topics.CANDLES.name, topics.CANDLES_LIVE.name])

    def __init__(self, letters: faust.TopicT) -> None:
        self.taken: dict[TP, int] = {}
        self.standing = Standing()
        self._letters = Letters(letters)
        self._endings = Endings()

    def start_over(self, reader: CarefulConsumer) -> None:
        """Reset offsets and stopped partitions after a new assignment; all is read again."""
        self._endings.cancel()
        self.taken.clear()
        self.standing.read_by(reader)

    async def candle_in(self, m: Any, done: Done = nobody) -> Candle | None:  # noqa: ANN401 - Faust's message
        """Return the candle of a message; None for one that is not to be predicted from.

        It is unreadable, its partition is stopped, or a replay made it.

        Args:
            m: The message.
            done: Called where there is no candle: where it is unreadable, once Kafka has its dead
                letter, which may be after this call has returned.
        """
        try:
            candle = self._read(m)
        except PoisonMessage as error:
            self._endings.begin([await self._bury(m, error)], done)
            return None
        if candle is None:
            await done()
        return candle

    def _read(self, m: Any) -> Candle | None:  # noqa: ANN401 - likewise
        if self.standing.holds(m.topic, m.partition):
            return None
        self.taken[TP(m.topic, m.partition)] = m.offset
        if is_replayed(m.headers):
            return None
        try:
            return codecs.read(Candle, key=m.key, value=m.value, headers=m.headers)
        except ContractMismatch as mismatch:
            self.standing.stop(m.topic, m.partition, m.offset, mismatch)
        return None

    async def _bury(self, m: Any, error: PoisonMessage) -> "asyncio.Future[Any]":  # noqa: ANN401 - likewise
        origin = Origin(
            str(error),
            m.topic,
            m.partition,
            m.offset,
            reader=topics.PREDICTION_APP,
            key=m.key,
            headers=plain_headers(m.headers),
        )
        return await self._letters.send(error.raw, origin)


def build_app(settings: Settings, *, name: str, folder: Path) -> WorkerApp:
    """Return the application of one predictor.

    Args:
        settings: Addresses of the broker and of ClickHouse.
        name: Static member name within the consumer group; it must be unique.
        folder: Folder for Faust's own files.
    """
    # Candles of a symbol that is still warming up stay unacknowledged; a rebalance must not wait.
    app = worker_app(topics.PREDICTION_APP, settings, name=name, folder=folder, waits_empty=False)
    app.newest_s = _NEWEST_S
    changes = ModelSchedule()

    async def heard() -> None:
        await follower.caught_up.wait()

    warmers = WarmStartJobs(settings, changes, heard)  # before the follower: Kafka has threads
    follower = VersionFollower(settings.kafka, changes)
    installer = Installer(changes, ModelStore(settings.data_dir).load)
    specified = specifications(settings.models)
    extra = ExtraModels(specified, warmers.warm_with_extra) if specified else None
    predictor = Predictor(warmers.warm, KafkaOutlet(app), installer, extra, look=warmers.knows_more)
    _wire(app, predictor)
    WARM.set_function(lambda: predictor.warm)
    WAITING.set_function(lambda: predictor.waiting)
    app.task(follower.follow)

    def is_idle() -> bool:
        return predictor.is_settled and not warmers.is_scoring

    def market_ms() -> int:
        return predictor.market_ms

    due = DueTrainings(settings, installer, follower.caught_up, is_idle, market_ms)
    _ask_for_trainings(app, due)

    @app.on_before_shutdown.connect
    async def close(*_args: Any, **_kwargs: Any) -> None:  # noqa: ANN401 - the signal's own
        warmers.close()
        close_hosts()

    return app


def _wire(app: WorkerApp, predictor: Predictor) -> None:
    inbox = Inbox(raw_topic(app, topics.DEAD_LETTERS))

    @app.agent(raw_topic(app, topics.CANDLES), name="predict", concurrency=1)
    async def predict(stream: faust.StreamT[bytes]) -> None:
        # A candle that waits for its symbol must be read again after a crash.
        manual = cast("Any", stream).noack()
        async for event in manual.events():
            done = partial(manual.ack, event)
            candle = await inbox.candle_in(event.message, done)
            if candle is None:  # if its partition is stopped, nothing is committed all the same
                continue
            try:
                await predictor.take(candle, done)
            except Exception as error:  # noqa: BLE001 - its trace is logged
                _log.exception("candle_unfinished", "a candle cannot be finished", error)
                leave("a candle that was not finished must be read again")

    @app.agent(raw_topic(app, topics.CANDLES_LIVE), name="show", concurrency=1)
    async def show(stream: faust.StreamT[bytes]) -> None:
        async for event in stream.events():
            if candle := await inbox.candle_in(event.message):
                await predictor.show(candle)

    @app.on_rebalance_complete.connect
    async def start_over(*_args: Any, **_kwargs: Any) -> None:  # noqa: ANN401 - the signal's own
        inbox.start_over(cast("CarefulConsumer", app.consumer))
        predictor.forget()

    beat_in_thread(Fence(session_s=SESSION_S))
    watch_progress(app, inbox.topics, lambda: inbox.taken, inbox.standing)


def _ask_for_trainings(app: WorkerApp, due: DueTrainings) -> None:
    requests = raw_topic(app, topics.TRAINING_REQUESTS)

    async def ask(request: TrainingRequest) -> None:
        await (await send(requests, request))

    async def ask_when_due() -> None:  # every predictor asks; the trainer trains the version once
        await due.run(ask)

    app.task(ask_when_due)


async def send(topic: faust.TopicT, record: Record | TrainingRequest) -> "asyncio.Future[Any]":
    """Send a record to a topic, encoded by its contract; return what is done when Kafka has it."""
    message = codecs.message_of(record)
    sent: Any = await topic.send(
        key=message.key, value=message.value, headers=dict(message.headers)
    )
    return cast("asyncio.Future[Any]", sent)
