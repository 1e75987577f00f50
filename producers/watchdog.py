"""Whether this process does anything; one that does not ends, to be started again."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from clients.clock import steady_ms
from clients.kafka.group import GroupOffsets
from clients.process import Progress, leave
from schemas.errors import Transient

BEAT_S: Final = 1.0
STALL_S: Final = 120.0  # more than the longest limit of a call, and than a start's pauses
LOOK_MS: Final = 10_000


class RecordsWait:
    """Tells whether records wait for a Kafka that answers others."""

    def __init__(self, bootstrap_servers: str, waiting: Callable[[], int]) -> None:
        """Set it up; ``waiting`` gives how many records are not acknowledged."""
        self._waiting = waiting
        self._kafka = GroupOffsets(bootstrap_servers)
        self._asked_ms = -LOOK_MS
        self._answers = False

    def __call__(self) -> bool:
        """Ask; where Kafka itself is away, waiting is right."""
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
    """End the process when its loop stands still, or has input and does nothing.

    Args:
        done: How much has been done by now: frames taken, answers, records acknowledged.
        has_input: Whether there is something to do.
        limit_s: For how long nothing may be done, in seconds.
        give_up: Told why.
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
    bootstrap_servers: str,
    delivered: Callable[[], int],
    waiting: Callable[[], int],
    *,
    limit_s: float = STALL_S,
    give_up: Callable[[str], None] = leave,
) -> AsyncIterator[None]:
    """End the process when records wait, Kafka answers, and none is acknowledged.

    Args:
        bootstrap_servers: Brokers, host:port, comma separated.
        delivered: How many records have been acknowledged or refused by now.
        waiting: How many are not.
        limit_s: For how long that may be, in seconds.
        give_up: Told why.
    """
    waits = RecordsWait(bootstrap_servers, waiting)
    progress = Progress(limit_s, waits, give_up=give_up)
    progress.watch()
    task = asyncio.create_task(_beat(progress, delivered, lambda: True))
    try:
        yield
    finally:
        task.cancel()
        progress.stop()
