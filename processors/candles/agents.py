"""The Faust application of the candle worker: topics, table, agent, timers."""

import asyncio
from collections.abc import ItemsView, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import faust
from aiokafka.errors import KafkaError
from faust.types import TP

from clients.process import leave
from clients.watching.log import EventLog
from processors.candles.block_messages import Message
from processors.candles.held_states import Closed, Stored
from processors.candles.keeping import Acknowledgements, StateKeeper
from processors.candles.state import MADE, CandleRules
from processors.candles.worker import Acknowledged, CandleWorker
from processors.metrics import count_revisions
from processors.runtime.app import SESSION_S, WorkerApp, raw_topic, worker_app
from processors.runtime.bundles import Bundle
from processors.runtime.fence import Fence
from processors.runtime.guard import beat_in_loop, leave_if_fenced, watch_progress
from processors.runtime.letters import Letters
from processors.runtime.producer import Bunch, BunchProducer, Outgoing
from processors.runtime.stopped_partitions import Standing
from schemas import topics
from schemas.codecs import contract_header
from schemas.dead_letters import Origin
from schemas.market import Candle
from schemas.settings import Settings
from schemas.timeframe import Interval

if TYPE_CHECKING:
    from processors.runtime.transport import CarefulConsumer

_log = EventLog(__name__)
CANDLE_HEADERS = (contract_header(Candle),)
_LIVE_EVERY_S = 1.0
_AGAIN_S = 1.0


class KafkaOutlet:
    """Sends results to their topics through Faust's producer, unless the process was frozen."""

    def __init__(self, app: WorkerApp, changelog: str, fence: Fence) -> None:
        self._app = app
        self._changelog = changelog
        self._fence = fence
        self._letters = Letters(raw_topic(app, topics.DEAD_LETTERS))
        self._under_way: set[asyncio.Future[Any]] = set()

    async def closed(self, candles: list[Closed], acknowledged: Acknowledged) -> None:
        """Send closed candles and call ``acknowledged`` with those that the broker has."""
        seconds = [c for c in candles if c.interval == Interval.ONE_SECOND]
        others = [c for c in candles if c.interval != Interval.ONE_SECOND]
        for topic, those in ((topics.CANDLES_1S, seconds), (topics.CANDLES, others)):
            if those:
                await self._send_closed(topic.name, map(_outgoing, those), acknowledged)

    def under_way(self) -> Acknowledgements:
        """Return what is done when the broker has the closed candles sent so far."""
        return self._under_way

    async def states(self, records: list[Stored]) -> Acknowledgements:
        """Send records of the table, and return what is done when the broker has them."""
        outgoing = [Outgoing(r.key, r.value, partition=r.partition) for r in records]
        return [bunch.sent for bunch in await self._send(self._changelog, outgoing)]

    async def live(self, candles: list[Closed]) -> None:
        """Send open candles."""
        for bunch in await self._send(topics.CANDLES_LIVE.name, map(_outgoing, candles)):
            bunch.sent.add_done_callback(_is_sent)

    async def dead_letter(self, raw: bytes, origin: Origin) -> None:
        """Send an unreadable message to the dead letters."""
        await self._letters.send(raw, origin)

    def letters(self) -> Acknowledgements:
        """Return what is done when the broker has the dead letters sent so far."""
        return self._letters.under_way()

    async def _send(self, topic: str, records: Iterable[Outgoing]) -> list[Bunch]:
        leave_if_fenced(self._fence)
        producer: BunchProducer = await self._app.maybe_start_producer()
        return await producer.send_bunch(topic, records)

    async def _send_closed(
        self, topic: str, records: Iterable[Outgoing], acknowledged: Acknowledged
    ) -> None:
        for bunch in await self._send(topic, records):
            self._follow(topic, bunch, acknowledged)

    def _follow(self, topic: str, bunch: Bunch, acknowledged: Acknowledged) -> None:
        def told(done: asyncio.Future[Any]) -> None:
            self._under_way.discard(done)
            if _is_sent(done):
                acknowledged((record.key, record.value) for record in bunch.records)
                return
            _log.warning(
                "candles_unacknowledged",
                "closed candles were not acknowledged; they are sent again",
            )
            again = asyncio.ensure_future(self._send_again(topic, bunch, acknowledged))
            self._under_way.add(again)  # else a commit would take them for delivered
            again.add_done_callback(self._under_way.discard)

        self._under_way.add(bunch.sent)
        bunch.sent.add_done_callback(told)

    async def _send_again(self, topic: str, bunch: Bunch, acknowledged: Acknowledged) -> None:
        """Send candles that the client gave up; until then they are in the stored outbox only."""
        while True:
            await asyncio.sleep(_AGAIN_S)
            try:
                await self._send_closed(topic, bunch.records, acknowledged)
            except KafkaError as error:
                _log.warning(
                    "candles_not_resent",
                    "closed candles cannot be sent again yet: {error}",
                    error=repr(error),
                )
            else:
                return


class StoredStates:
    """The stored records: Faust's table, which its recovery fills."""

    def __init__(self, table: Any) -> None:  # noqa: ANN401 - untyped
        self._table = table

    def get(self, key: bytes) -> bytes | None:
        """Return the record of a symbol, None if it has none."""
        raw: bytes | None = self._table.data.get(key)
        return raw

    def __setitem__(self, key: bytes, value: bytes) -> None:
        """Take over a record that Kafka has."""
        self._table.data[key] = value

    def items(self) -> ItemsView[bytes, bytes]:
        """Return all records."""
        items: ItemsView[bytes, bytes] = self._table.data.items()
        return items


class CommitKeeper:
    """Tells the consumer of what the worker has stored."""

    def __init__(self, states: StateKeeper) -> None:
        self._states = states

    async def save(self) -> None:
        """Store what has changed; wait a moment for Kafka to acknowledge it."""
        await self._states.save()

    def kept(self, tp: TP) -> int | None:
        """Return the offset before which everything is stored; None before the first time."""
        return self._states.kept(tp.partition)


def build_app(settings: Settings, *, name: str, folder: Path) -> WorkerApp:
    """Return the application of one candle worker.

    Args:
        settings: Address of the broker, and how candles are closed.
        name: Static member name within the consumer group; it must be unique.
        folder: Folder for Faust's own files.
    """
    app = worker_app(
        topics.CANDLE_APP,
        settings,
        name=name,
        folder=folder,
        bundled=frozenset([topics.TRADES.name]),
    )
    app.gather_ms = settings.candles.gather_ms
    _wire(app, settings)
    return app


def _wire(app: WorkerApp, settings: Settings) -> None:
    trades = raw_topic(app, topics.TRADES, most_waiting=1)  # it is a bundle: all of one poll
    table = app.Table(
        topics.CANDLE_TABLE,
        key_type=bytes,
        value_type=bytes,
        partitions=settings.kafka.partitions,
    )
    intervals = (Interval.ONE_SECOND, *MADE) if settings.candles.seconds else MADE
    count_revisions(intervals)
    rules = CandleRules(intervals, settings.candles.lateness_ms, sends_proof=False)
    fence = Fence(session_s=SESSION_S)
    standing = Standing()

    async def read_again(partition: int, offset: int) -> int | None:
        consumer = cast("CarefulConsumer", app.consumer)
        return await consumer.read_again(TP(topics.TRADES.name, partition), offset)

    outlet = KafkaOutlet(app, topics.CANDLE_CHANGELOG.name, fence)
    worker = CandleWorker(
        StoredStates(table),
        outlet,
        rules,
        read_again,
        standing,
        partitions=settings.kafka.partitions,
    )
    app.keeper = CommitKeeper(worker.keeper)

    @app.agent(trades, name="build_candles", concurrency=1)
    async def build_candles(stream: faust.StreamT[bytes]) -> None:
        async for event in stream.events():
            leave_if_fenced(fence)
            try:
                await worker.take(_messages_of(event.message))
            except Exception as error:  # noqa: BLE001 - its trace is logged
                _log.exception("poll_unfinished", "a poll cannot be finished", error)
                leave("what is left of a poll must be read again")

    @app.on_rebalance_complete.connect
    async def start_over(*_args: Any, **_kwargs: Any) -> None:  # noqa: ANN401 - the signal's own
        standing.read_by(cast("CarefulConsumer", app.consumer))
        await worker.start_over()

    app.timer(_LIVE_EVERY_S)(worker.send_live)

    def taken() -> dict[TP, int]:
        return {TP(topics.TRADES.name, p): offset for p, offset in worker.taken.items()}

    beat_in_loop(app, fence)
    watch_progress(app, frozenset([topics.TRADES.name]), taken, standing)


def _messages_of(bundle: Bundle) -> list[Message]:
    return [
        Message(r.key, r.value, r.headers, r.topic, r.partition, r.offset) for r in bundle.records
    ]


def _outgoing(candle: Closed) -> Outgoing:
    return Outgoing(candle.key, candle.value, CANDLE_HEADERS)


def _is_sent(done: "asyncio.Future[Any]") -> bool:
    return not done.cancelled() and done.exception() is None
