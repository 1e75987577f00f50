"""Notices a partition of which nothing is read although records wait there and others go on.

After its leader has changed, librdkafka may ask a broker that no longer leads a partition, for ever
and without an error (its issues 4976, 5430 and 5593). A new client asks the right one.
"""

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from confluent_kafka import Message, TopicPartition

from clients.kafka.group import GroupOffsets, Place
from clients.kafka.records import place_of
from clients.kafka.watchdog import Watchdog
from clients.process import Standstill, leave
from clients.watching.metrics import progressed
from schemas.errors import CandlewickError
from schemas.settings import KafkaSettings

# A new leader takes some 20 s; and before a partition's turn all others may bring a megabyte each.
PATIENCE_S: Final = 120.0
_LOOK_S: Final = 15.0
_BEAT_S: Final = 1.0
HELD_UP_S: Final = 5.0  # a round is short, unless who takes the records takes their time


class Unread:
    """Looks in a thread, and gives up where a partition stands still for too long."""

    def __init__(
        self,
        offsets: GroupOffsets,
        read_to: Callable[[], Mapping[Place, int]],
        *,
        give_up: Callable[[str], None] = leave,
        patience_s: float = PATIENCE_S,
        look_s: float = _LOOK_S,
    ) -> None:
        """Set it up.

        Args:
            offsets: Asked where partitions begin and end.
            read_to: Returns the newest offset that was read of each partition that is read now;
                -1 where reading begins at the oldest. Asked in the thread.
            give_up: Called with the reason; by default it ends the process.
            patience_s: For how long a partition may stand still, in seconds.
            look_s: How often Kafka is asked where the partitions end, in seconds.
        """
        self._offsets = offsets
        self._read_to = read_to
        self._give_up = give_up
        self._watchdog = Watchdog[Place](patience_s=patience_s)
        self._look_s = look_s
        self._stopped = threading.Event()

    def watch(self) -> None:
        """Begin to look."""
        threading.Thread(target=self._run, name="unread", daemon=True).start()

    def stop(self) -> None:
        """Look no more."""
        self._stopped.set()

    def _run(self) -> None:
        standstill, stood = Standstill(), 0
        looked_s = time.monotonic()
        while not self._stopped.wait(min(_BEAT_S, self._look_s)):
            now_s = time.monotonic()
            if (times := standstill.look(now_s)) != stood:  # what stood still with us may go on
                stood = times
                self._watchdog.forget()
            if now_s - looked_s >= self._look_s:
                looked_s = now_s
                self._look()

    def _look(self) -> None:
        read_to = self._read_to()
        try:
            spans = self._offsets.spans(read_to)
        except CandlewickError:  # nobody answers, or files of certificates are being replaced
            spans = {}  # nothing waits as far as we know
        # What retention has removed is not there to be read.
        taken = {place: max(read_to[place], start - 1) for place, (start, _) in spans.items()}
        ends = {place: end for place, (_, end) in spans.items()}
        stuck = self._watchdog.stuck(ends, taken, now_s=time.monotonic())
        progressed("reading", self._watchdog.longest_s)
        if stuck:
            self._watchdog.forget()
            named = ", ".join(f"{topic} [{partition}]" for topic, partition in sorted(stuck))
            self._give_up(f"nothing was read from {named} although records are waiting")


class ReadSoFar:
    """How far a consumer has read its partitions, watched for one that must have a new client.

    Attributes:
        stuck: Why there must be a new client; None while all is well.
    """

    def __init__(self, kafka: KafkaSettings) -> None:
        self.stuck: str | None = None
        self._next: dict[Place, int] = {}
        self._all_read_s = -HELD_UP_S
        self._unread = Unread(GroupOffsets(kafka), self.read_to, give_up=self._give_up)

    def watch(self) -> None:
        """Begin to look."""
        self._unread.watch()

    def stop(self) -> None:
        """Look no more."""
        self._unread.stop()

    def begin(self, places: Iterable[TopicPartition]) -> None:
        """Take note of the partitions that are read now, each with its next offset."""
        self._next = {(place.topic, place.partition): place.offset for place in places}

    def passed(self, message: Message) -> None:
        """Take note of a record that was read."""
        topic, partition, offset = place_of(message)
        self._next[topic, partition] = offset + 1

    def leave_out(self, topic: str, partition: int) -> None:
        """Take note that a partition is read no more, as is told elsewhere."""
        self._next.pop((topic, partition), None)

    def all_read(self) -> None:
        """Take note that all records that had come are read: a partition has had its turn."""
        self._all_read_s = time.monotonic()

    def read_to(self) -> dict[Place, int]:
        """Return the newest offset read of each partition, while all that comes is read."""
        if time.monotonic() - self._all_read_s >= HELD_UP_S:
            return {}
        return {place: at - 1 for place, at in [*self._next.items()]}

    def places(self) -> list[TopicPartition]:
        """Return the partitions that are read, each with its next offset: a new client's."""
        return [TopicPartition(*place, at) for place, at in self._next.items()]

    def _give_up(self, why: str) -> None:
        self.stuck = why  # for the thread that reads: a client is closed where it is used
