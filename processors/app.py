"""The Faust application of the candle worker: settings, topics, table, agent, timers."""

import asyncio
import logging
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import faust
from aiokafka.errors import KafkaError
from faust.transport.base import Transport
from faust.types import TP
from mode import Service

from processors.candle_state import CandleRules
from processors.faust_transport import CarefulTransport
from processors.fence import Fence
from processors.watchdog import Watchdog
from processors.worker import CandleWorker, Message
from schemas import topics
from schemas.codecs import contract_header
from schemas.dead_letters import Origin, letter_of
from schemas.market import Candle
from schemas.settings import Settings

log = logging.getLogger(__name__)
CANDLE_HEADERS = dict([contract_header(Candle)])
SESSION_S = 6.0  # the broker's minimum
_START_ME_AGAIN = os.EX_TEMPFAIL
_LIVE_EVERY_S = 1.0
_BEAT_EVERY_S = 0.5
_WATCH_EVERY_S = 10.0
_PATIENCE_S = 30.0


class CandleApp(faust.App):
    """Faust on the careful transport."""

    def _new_transport(self) -> Transport:
        return CarefulTransport(self.conf.broker_consumer, self)


class KafkaOutlet:
    """Sends results to their topics through Faust's producer."""

    def __init__(self, app: CandleApp) -> None:
        self._candles = raw_topic(app, topics.CANDLES)
        self._live = raw_topic(app, topics.CANDLES_LIVE)
        self._dead_letters = raw_topic(app, topics.DEAD_LETTERS)

    async def closed(self, key: bytes, candle: bytes, acknowledged: Callable[[], None]) -> None:
        """Send a closed candle and call ``acknowledged`` when the broker has it."""
        sent: Any = await self._candles.send(key=key, value=candle, headers=CANDLE_HEADERS)
        sent.add_done_callback(lambda done: _tell(done, acknowledged))

    async def live(self, key: bytes, candle: bytes) -> None:
        """Send an open candle."""
        await self._live.send(key=key, value=candle, headers=CANDLE_HEADERS)

    async def dead_letter(self, raw: bytes, origin: Origin) -> None:
        """Send what could not be read."""
        await send_dead_letter(self._dead_letters, raw, origin)


def build_app(settings: Settings, *, name: str, folder: Path) -> CandleApp:
    """Return the application of one candle worker.

    Args:
        settings: Where the broker is and how candles are closed.
        name: Static member of the consumer group; two workers need two names.
        folder: For Faust's own files.
    """
    app = worker_app(topics.CANDLE_APP, settings, name=name, folder=folder)
    _wire(app, settings)
    return app


def worker_app(
    app_id: str, settings: Settings, *, name: str, folder: Path, waits_empty: bool = True
) -> CandleApp:
    """Return an application without agents, set up as all of ours are.

    Args:
        app_id: Its consumer group.
        settings: Where the broker is.
        name: Static member of the group.
        folder: For Faust's own files.
        waits_empty: Whether a rebalance and the end wait until what was taken is done.
    """
    servers = settings.kafka.bootstrap_servers.split(",")
    return CandleApp(
        app_id,
        broker=[f"kafka://{server.strip()}" for server in servers],
        consumer_group_instance_id=name,
        consumer_auto_offset_reset="earliest",
        broker_session_timeout=SESSION_S,
        broker_rebalance_timeout=SESSION_S,
        broker_heartbeat_interval=1.0,
        broker_commit_interval=1.0,
        producer_compression_type="lz4",
        producer_linger=0.005,
        store="memory://",
        stream_wait_empty=waits_empty,
        datadir=str(folder),
        table_standby_replicas=0,
        topic_partitions=settings.kafka.partitions,
        topic_allow_declare=False,
        topic_disable_leader=True,
        TableManager="processors.faust_recovery:OrderedTables",
        web_enabled=False,
    )


def _wire(app: CandleApp, settings: Settings) -> None:
    trades = raw_topic(app, topics.TRADES)
    table = app.Table(
        topics.CANDLE_TABLE,
        key_type=bytes,
        value_type=bytes,
        partitions=settings.kafka.partitions,
    )
    rules = CandleRules(lateness_ms=settings.candles.lateness_ms)
    fence = Fence(session_s=SESSION_S)
    watchdog = Watchdog(patience_s=_PATIENCE_S)

    async def seek(partition: int, offset: int) -> None:
        await app.consumer.seek(TP(topics.TRADES.name, partition), offset)

    worker = CandleWorker(table, KafkaOutlet(app), rules, seek)

    @app.agent(trades, name="build_candles", concurrency=1)
    async def build_candles(stream: faust.StreamT[bytes]) -> None:
        async for event in stream.events():
            _leave_if_fenced(fence)
            m = event.message
            await worker.take(
                Message(m.key, m.value, m.headers or {}, m.topic, m.partition, m.offset)
            )

    @app.on_rebalance_complete.connect
    async def start_over(*_args: Any, **_kwargs: Any) -> None:  # noqa: ANN401 - the signal's own
        await worker.start_over()

    app.timer(_LIVE_EVERY_S)(worker.send_live)

    @app.service
    class Beat(Service):
        """Looks at the clock all the time, also while the group rebalances."""

        @Service.task
        async def _beat(self) -> None:
            while not self.should_stop:
                _leave_if_fenced(fence)
                await asyncio.sleep(_BEAT_EVERY_S)

        @Service.task
        async def _watch(self) -> None:
            while not self.should_stop:
                await self.sleep(_WATCH_EVERY_S)
                _leave_if_stuck(watchdog, await _ends(app), worker)


async def send_dead_letter(letters: faust.TopicT, raw: bytes, origin: Origin) -> None:
    """Send what could not be read to the topic of dead letters."""
    letter = letter_of(raw, origin)
    await letters.send(key=letter.key, value=letter.value, headers=dict(letter.headers))


def raw_topic(app: CandleApp, topic: topics.Topic) -> faust.TopicT:
    """Return a topic of raw bytes: the codec is ours."""
    return app.topic(topic.name, key_serializer="raw", value_serializer="raw")


def _tell(done: Any, acknowledged: Callable[[], None]) -> None:  # noqa: ANN401 - Faust's future
    if done.cancelled() or done.exception() is not None:
        log.warning("a closed candle was not acknowledged; it stays in the outbox")
    else:
        acknowledged()


def _leave_if_fenced(fence: Fence) -> None:
    if fence.stood_still(time.monotonic()):
        log.error("this worker stood still for too long and may have lost its partitions: leaving")
        os._exit(_START_ME_AGAIN)


async def _ends(app: CandleApp) -> dict[int, int]:
    owned = {tp for tp in app.consumer.assignment() if tp.topic == topics.TRADES.name}
    if not owned:
        return {}
    try:
        ends = await app.consumer.highwaters(*owned)
    except KafkaError:
        return {}  # no broker, no lag to speak of
    return {tp.partition: end for tp, end in ends.items() if end is not None}


def _leave_if_stuck(watchdog: Watchdog, ends: dict[int, int], worker: CandleWorker) -> None:
    stuck = watchdog.stuck(ends, worker.taken, now_s=time.monotonic())
    if stuck:
        log.error("nothing was read from partitions %s though there is more: leaving", stuck)
        os._exit(_START_ME_AGAIN)
