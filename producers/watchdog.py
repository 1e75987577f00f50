"""Watchdog that ends this process when it makes no progress, so that it is started again."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from clients.clock import steady_ms
from clients.kafka.group import GroupOffsets
from clients.process import Progress, leave
from producers.unacknowledged import Place, Unacknowledged
from schemas.errors import CandlewickError
from schemas.settings import KafkaSettings

BEAT_S: Final = 1.0
STALL_S: Final = 120.0  # longer than any call's limit, and than the pauses of a start
LOOK_MS: Final = 10_000


class RecordsWait:
    """Tells whether the records of one topic and key wait although Kafka could take them.

    After its leader has changed, librdkafka may send what belongs to a partition to a broker that
    no longer leads it, for ever (its issues 4976 and 5430), while all others go on.
    """

    def __init__(self, kafka: KafkaSettings, records: Unacknowledged) -> None:
        """Set up the check of what is under way."""
        self._records = records
        self._kafka = GroupOffsets(kafka)
        self._longest: tuple[Place, int] | None = None
        self._asked_ms = -LOOK_MS
        self._answers = False

    def __call__(self) -> bool:
        """Check now; True if what has waited for longest is what it was at the last check.

        False if a broker does not answer, or has too few copies of the topic in step, because
        waiting is right then.
        """
        before, self._longest = self._longest, self._records.longest()
        if self._longest is None or self._longest != before:
            return False
        if steady_ms() - self._asked_ms >= LOOK_MS:
            self._asked_ms, self._answers = steady_ms(), self._ask(self._longest[0].topic)
        return self._answers

    def _ask(self, topic: str) -> bool:
        try:
            return self._kafka.is_writable(topic)
        except CandlewickError:  # also of files that are being replaced: the clients have theirs
            return False


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
    records: Unacknowledged,
    *,
    limit_s: float = STALL_S,
    give_up: Callable[[str], None] = leave,
) -> AsyncIterator[None]:
    """End the process when records of one topic and key wait, and Kafka acknowledges none of them.

    Args:
        kafka: Where the brokers are, and how to sign in.
        records: What is under way.
        limit_s: Longest time without an acknowledgement, in seconds.
        give_up: Called with the reason; ends the process.
    """
    progress = Progress(limit_s, RecordsWait(kafka, records), give_up=give_up, part="delivery")
    progress.watch()
    try:
        yield
    finally:
        progress.stop()
