"""Watchdog that ends this process when it makes no progress, so that it is started again."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from clients.clock import steady_ms
from clients.kafka.group import GroupOffsets
from clients.process import Progress, leave
from schemas.errors import Transient
from schemas.settings import KafkaSettings

BEAT_S: Final = 1.0
STALL_S: Final = 120.0  # longer than any call's limit, and than the pauses of a start
LOOK_MS: Final = 10_000


class RecordsWait:
    """Checks whether records wait although Kafka answers other requests."""

    def __init__(self, kafka: KafkaSettings, waiting: Callable[[], int]) -> None:
        """Set up the check; ``waiting`` returns the number of unacknowledged records."""
        self._waiting = waiting
        self._kafka = GroupOffsets(kafka)
        self._asked_ms = -LOOK_MS
        self._answers = False

    def __call__(self) -> bool:
        """Check now; False if Kafka itself does not answer, because waiting is right then."""
        if not self._waiting():
            return False
        if steady_ms() - self._asked_ms >= LOOK_MS:
            self._asked_ms, self._answers = steady_ms(), self._ask()
        return self._answers

    def _ask(self) -> bool:
        try:
            self._kafka.partitions(())
        except Transient:
            return False
        return True


@asynccontextmanager
async def watched(
    done: Callable[[], int],
    has_input: Callable[[], bool],
    *,
    limit_s: float = STALL_S,
    give_up: Callable[[str], None] = leave,
) -> AsyncIterator[None]:
    """End the process when its event loop stands still, or when it has input and does nothing.

    Args:
        done: Returns the work done so far: frames, answers, acknowledged records.
        has_input: Returns whether there is work to do.
        limit_s: Longest time without progress, in seconds.
        give_up: Called with the reason; ends the process.
    """
    progress = Progress(limit_s, give_up=give_up)
    progress.watch()
    task = asyncio.create_task(_beat(progress, done, has_input))
    try:
        yield
    finally:
        task.cancel()
        progress.stop()


async def _beat(progress: Progress, done: Callable[[], int], has_input: Callable[[], bool]) -> None:
    before = -1
    while True:
        if done() != before or not has_input():
            before = done()
            progress.attempted()
        await asyncio.sleep(BEAT_S)


@asynccontextmanager
async def delivering(
    kafka: KafkaSettings,
    delivered: Callable[[], int],
    waiting: Callable[[], int],
    *,
    limit_s: float = STALL_S,
    give_up: Callable[[str], None] = leave,
) -> AsyncIterator[None]:
    """End the process when records wait and Kafka answers, but acknowledges none.

    Args:
        kafka: Where the brokers are, and how to sign in.
        delivered: Returns the number of records that Kafka has acknowledged or refused so far.
        waiting: Returns the number of records that are still waiting.
        limit_s: Longest time without an acknowledgement, in seconds.
        give_up: Called with the reason; ends the process.
    """
    waits = RecordsWait(kafka, waiting)
    progress = Progress(limit_s, waits, give_up=give_up, part="delivery")
    progress.watch()
    task = asyncio.create_task(_beat(progress, delivered, lambda: True))
    try:
        yield
    finally:
        task.cancel()
        progress.stop()
