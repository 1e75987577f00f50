"""The Faust application of the candle worker: topics, table, agent, timers."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import faust
from faust.types import TP

from processors.candles.block_messages import Message
from processors.candles.state import MADE, CandleRules
from processors.candles.worker import CandleWorker
from processors.runtime.app import SESSION_S, WorkerApp, raw_topic, send_dead_letter, worker_app
from processors.runtime.fence import Fence
from processors.runtime.guard import beat_in_loop, leave_if_fenced, watch_progress
from processors.runtime.stopped_partitions import Standing
from schemas import codecs, topics
from schemas.codecs import contract_header
from schemas.dead_letters import Origin
from schemas.market import Candle
from schemas.settings import Settings
from schemas.timeframe import Interval

if TYPE_CHECKING:
    from processors.runtime.transport import CarefulConsumer

log = logging.getLogger(__name__)
CANDLE_HEADERS = dict([contract_header(Candle)])
_LIVE_EVERY_S = 1.0


class KafkaOutlet:
    """Sends results to their topics through Faust's producer."""

    def __init__(self, app: WorkerApp) -> None:
        self._candles = raw_topic(app, topics.CANDLES)
        self._seconds = raw_topic(app, topics.CANDLES_1S)
        self._live = raw_topic(app, topics.CANDLES_LIVE)
        self._dead_letters = raw_topic(app, topics.DEAD_LETTERS)

    async def closed(self, key: bytes, candle: bytes, acknowledged: Callable[[], None]) -> None:
        """Send a closed candle and call ``acknowledged`` when the broker has it."""
        is_second = codecs.decode(Candle, candle).interval == Interval.ONE_SECOND
        topic = self._seconds if is_second else self._candles
        sent: Any = await topic.send(key=key, value=candle, headers=CANDLE_HEADERS)
        sent.add_done_callback(lambda done: _tell(done, acknowledged))

    async def live(self, key: bytes, candle: bytes) -> None:
        """Send an open candle."""
        await self._live.send(key=key, value=candle, headers=CANDLE_HEADERS)

    async def dead_letter(self, raw: bytes, origin: Origin) -> None:
        """Send an unreadable message to the dead letters."""
        await send_dead_letter(self._dead_letters, raw, origin)


def build_app(settings: Settings, *, name: str, folder: Path) -> WorkerApp:
    """Return the application of one candle worker.

    Args:
        settings: Address of the broker, and how candles are closed.
        name: Static member name within the consumer group; it must be unique.
        folder: Folder for Faust's own files.
    """
    app = worker_app(topics.CANDLE_APP, settings, name=name, folder=folder)
    _wire(app, settings)
    return app


def _wire(app: WorkerApp, settings: Settings) -> None:
    trades = raw_topic(app, topics.TRADES)
    table = app.Table(
        topics.CANDLE_TABLE,
        key_type=bytes,
        value_type=bytes,
        partitions=settings.kafka.partitions,
    )
    intervals = (Interval.ONE_SECOND, *MADE) if settings.candles.seconds else MADE
    rules = CandleRules(intervals, settings.candles.lateness_ms, sends_proof=False)
    fence = Fence(session_s=SESSION_S)
    standing = Standing()

    async def read_again(partition: int, offset: int) -> int | None:
        consumer = cast("CarefulConsumer", app.consumer)
        return await consumer.read_again(TP(topics.TRADES.name, partition), offset)

    worker = CandleWorker(table, KafkaOutlet(app), rules, read_again, standing)

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


def _tell(done: Any, acknowledged: Callable[[], None]) -> None:  # noqa: ANN401 - Faust's future
    if done.cancelled() or done.exception() is not None:
        log.warning("a closed candle was not acknowledged; it stays in the outbox")
    else:
        acknowledged()
