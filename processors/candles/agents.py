"""The Faust application of the candle worker: settings, topics, table, agent, timers."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import faust
from faust.transport.base import Transport
from faust.types import TP

from processors.candles.block_messages import Message
from processors.candles.state import CandleRules
from processors.candles.worker import CandleWorker
from processors.runtime.fence import Fence
from processors.runtime.guard import beat_in_loop, leave_if_fenced, watch_progress
from processors.runtime.stopped_partitions import Standing
from processors.runtime.transport import CarefulConsumer, CarefulTransport
from schemas import topics
from schemas.codecs import contract_header
from schemas.dead_letters import Origin, letter_of
from schemas.market import Candle
from schemas.settings import Settings

log = logging.getLogger(__name__)
CANDLE_HEADERS = dict([contract_header(Candle)])
SESSION_S = 6.0  # the broker's minimum
_LIVE_EVERY_S = 1.0


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
        TableManager="processors.runtime.recovery:OrderedTables",
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
    standing = Standing()

    async def seek(partition: int, offset: int) -> None:
        await app.consumer.seek(TP(topics.TRADES.name, partition), offset)

    worker = CandleWorker(table, KafkaOutlet(app), rules, seek, standing)

    @app.agent(trades, name="build_candles", concurrency=1)
    async def build_candles(stream: faust.StreamT[bytes]) -> None:
        async for event in stream.events():
            leave_if_fenced(fence)
            m = event.message
            await worker.take(
                Message(m.key, m.value, m.headers or {}, m.topic, m.partition, m.offset)
            )

    @app.on_rebalance_complete.connect
    async def start_over(*_args: Any, **_kwargs: Any) -> None:  # noqa: ANN401 - the signal's own
        standing.read_by(cast("CarefulConsumer", app.consumer))
        await worker.start_over()

    app.timer(_LIVE_EVERY_S)(worker.send_live)

    def taken() -> dict[TP, int]:
        return {TP(topics.TRADES.name, p): offset for p, offset in worker.taken.items()}

    beat_in_loop(app, fence)
    watch_progress(app, frozenset([topics.TRADES.name]), taken, standing)


async def send_dead_letter(letters: faust.TopicT, raw: bytes, origin: Origin) -> None:
    """Send what could not be read to the topic of dead letters; never the reason for a halt."""
    letter = letter_of(raw, origin)

    def told(done: Any) -> None:  # noqa: ANN401 - Faust's future
        if done.cancelled() or done.exception() is not None:
            log.error("Kafka does not take a dead letter: %s", origin)

    try:
        sent: Any = await letters.send(
            key=letter.key, value=letter.value, headers=dict(letter.headers)
        )
        sent.add_done_callback(told)
    except Exception:
        log.exception("a dead letter cannot be sent: %s", origin)


def raw_topic(app: CandleApp, topic: topics.Topic) -> faust.TopicT:
    """Return a topic of raw bytes: the codec is ours."""
    return app.topic(topic.name, key_serializer="raw", value_serializer="raw")


def _tell(done: Any, acknowledged: Callable[[], None]) -> None:  # noqa: ANN401 - Faust's future
    if done.cancelled() or done.exception() is not None:
        log.warning("a closed candle was not acknowledged; it stays in the outbox")
    else:
        acknowledged()
