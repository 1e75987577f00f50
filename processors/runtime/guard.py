"""Ends a Faust process that was frozen, or that reads nothing although records are waiting."""

import asyncio
import threading
import time
from collections.abc import Callable, Mapping
from typing import Final

import faust
from aiokafka.errors import KafkaError
from faust.types import TP
from mode import Service

from clients.clock import steady_ms
from clients.kafka.watchdog import Watchdog
from clients.process import leave
from clients.watching.metrics import progressed
from processors.runtime.fence import Fence
from processors.runtime.stopped_partitions import Standing

_BEAT_EVERY_S: Final = 0.5
_WATCH_EVERY_S: Final = 10.0
_PATIENCE_S: Final = 30.0
_ENDS_S: Final = 5.0


def leave_if_fenced(fence: Fence) -> None:
    """End the process if it was frozen so long that it may no longer own its partitions."""
    if fence.stood_still(steady_ms() / 1000):  # which also counts the machine's sleep
        leave("this process stood still for too long and may have lost its partitions")


def beat_in_loop(app: faust.App, fence: Fence) -> None:
    """Check the clock regularly in the event loop, also while the group rebalances.

    A blocked event loop counts as a frozen process.
    """

    @app.service
    class Beat(Service):
        """Checks the clock."""

        @Service.task
        async def _beat(self) -> None:
            while not self.should_stop:
                leave_if_fenced(fence)
                await asyncio.sleep(_BEAT_EVERY_S)


def beat_in_thread(fence: Fence) -> None:
    """Check the clock in a thread, for a process whose own computations may block the loop."""

    def beat() -> None:
        while True:
            leave_if_fenced(fence)
            time.sleep(_BEAT_EVERY_S)

    threading.Thread(target=beat, name="beat", daemon=True).start()


def watch_progress(
    app: faust.App,
    topics: frozenset[str],
    taken: Callable[[], Mapping[TP, int]],
    standing: Standing,
    *,
    patience_s: float = _PATIENCE_S,
) -> None:
    """End the process when its partitions have unread records and it processes none of them.

    Faust's table recovery can hang for ever, and its consumer can stop fetching. A new process
    cures both. Until the states were read once, `WorkerApp` watches instead: Faust starts this
    behind that.

    Args:
        app: The application whose consumer owns the partitions.
        topics: Names of the topics to watch.
        taken: Returns the newest offset processed in each partition.
        standing: Partitions that were stopped on purpose; they are not watched.
        patience_s: How long a partition may make no progress, in seconds.
    """
    watchdog = Watchdog[TP](patience_s=patience_s)

    @app.service
    class Watch(Service):
        """Compares the offsets that were processed with the end offsets."""

        @Service.task
        async def _watch(self) -> None:
            while not self.should_stop:
                await self.sleep(_WATCH_EVERY_S)
                ends = await _ends(app, topics, standing)
                now_s = time.monotonic()
                stuck = watchdog.stuck(ends, taken(), now_s=now_s)
                progressed("work", watchdog.longest_s)
                if stuck:
                    named = ", ".join(f"{tp.topic} [{tp.partition}]" for tp in stuck)
                    leave(f"nothing was read from {named} although records are waiting")


async def _ends(app: faust.App, topics: frozenset[str], standing: Standing) -> dict[TP, int]:
    owned = {
        tp
        for tp in app.consumer.assignment()
        if tp.topic in topics and not standing.holds(tp.topic, tp.partition)
    }
    if not owned:
        return {}
    try:
        ends = await asyncio.wait_for(app.consumer.highwaters(*owned), _ENDS_S)
    except (KafkaError, TimeoutError):
        return {}  # without a broker the lag is unknown
    return {tp: end for tp, end in ends.items() if end is not None}
