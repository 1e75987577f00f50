"""A simulated Kafka: partitions of records, committed offsets, and how records get there."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from confluent_kafka import KafkaError

from clients.kafka.partition import partition_of
from schemas import topics

if TYPE_CHECKING:
    from tests.simulation.world import World

PARTITIONS = 2
Place = tuple[str, int]
Headers = tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, slots=True)
class Record:
    """A record as every client reads it; its methods are those of the client of the sinks."""

    place: Place
    number: int
    raw_key: bytes | None
    raw_value: bytes | None
    raw_headers: Headers = ()
    time_ms: int = 0

    def topic(self) -> str:
        return self.place[0]

    def partition(self) -> int:
        return self.place[1]

    def offset(self) -> int:
        return self.number

    def key(self) -> bytes | None:
        return self.raw_key

    def value(self) -> bytes | None:
        return self.raw_value

    def headers(self) -> list[tuple[str, bytes]]:
        return list(self.raw_headers)

    def timestamp(self) -> tuple[int, int]:
        return 1, self.time_ms

    def error(self) -> None:
        return None


class Broker:
    """What Kafka holds; it survives every process.

    Attributes:
        committed: By group and place, the offset and its metadata.
        is_away: Whether it does not answer now.
        on_append: Called with each record that was added.
        on_commit: Called with each commit: group, place, offset, metadata.
    """

    def __init__(self, world: "World") -> None:
        self._world = world
        self.logs: dict[Place, list[Record]] = {}
        self.committed: dict[tuple[str, Place], tuple[int, str]] = {}
        self.is_away = False
        self.on_append: list[Callable[[Record], None]] = []
        self.on_commit: list[Callable[[str, Place, int, str], None]] = []

    def log(self, place: Place) -> list[Record]:
        return self.logs.setdefault(place, [])

    def records(self, topic: str) -> list[Record]:
        """Return all records of a topic, those of each partition in their order."""
        return [r for p in range(PARTITIONS) for r in self.log((topic, p))]

    def append(
        self, place: Place, key: bytes | None, value: bytes | None, headers: Sequence = ()
    ) -> None:
        log = self.log(place)
        now_ms = self._world.clock.now_ms
        record = Record(place, len(log), key, value, tuple(headers), now_ms)
        log.append(record)
        for told in self.on_append:
            told(record)

    def commit(self, group: str, offsets: Mapping[Place, tuple[int, str]]) -> None:
        for place, (offset, metadata) in offsets.items():
            self.committed[group, place] = offset, metadata
            for told in self.on_commit:
                told(group, place, offset, metadata)

    def group_offset(self, group: str, place: Place) -> tuple[int, str]:
        return self.committed.get((group, place), (-1001, ""))


def place_of(topic: str, key: bytes | None) -> Place:
    name = "" if key is None else key.decode(errors="replace")
    return topic, partition_of(name, PARTITIONS)


@dataclass(slots=True)
class Sent:
    """Records on their way from one session to one partition."""

    records: list[tuple[bytes | None, bytes | None, Headers]]
    place: Place
    acknowledged: Callable[[KafkaError | None], None]
    is_stored: bool = False


class Session:
    """The sending side of one producer: in order a partition, late, lost with a crash.

    Args:
        may_double: Whether a lost acknowledgement may make it send a bunch twice: an idempotent
            producer does not.
        may_fail: Whether the client gives a bunch up after its time.
    """

    def __init__(self, world: "World", *, may_double: bool, may_fail: bool = False) -> None:
        self._world = world
        self._may_double = may_double
        self._may_fail = may_fail
        self._queues: dict[Place, list[Sent]] = {}
        self._busy: set[Place] = set()
        self.waiting = 0
        self.is_dead = False

    def send(self, sent: Sent) -> None:
        if self.is_dead:  # what the dead process tidies up has no effect
            return
        self.waiting += len(sent.records)
        self._queues.setdefault(sent.place, []).append(sent)
        self._begin(sent.place)

    def crash(self) -> None:
        """End it; what is on its way may still arrive, as far as it was written to the socket."""
        self.is_dead = True
        for queue in self._queues.values():
            if queue and self._world.rng.random() < 0.5:
                self._append(queue[0])
            queue.clear()

    def flush(self) -> None:
        """Deliver all at once."""
        for queue in self._queues.values():
            while queue:
                self._append(queue[0])
                self._answer(queue, None)

    def _begin(self, place: Place) -> None:
        if place not in self._busy and self._queues.get(place):
            self._busy.add(place)
            self._world.after(self._world.latency_ms(), lambda: self._arrive(place))

    def _arrive(self, place: Place) -> None:
        queue, rng = self._queues[place], self._world.rng
        if self.is_dead or not queue:
            self._busy.discard(place)
            return
        if self._world.broker.is_away:
            self._world.after(200, lambda: self._arrive(place))
            return
        odds = self._world.odds
        if self._may_fail and rng.random() < odds.send_fails:
            if rng.random() < 0.5:
                self._append(queue[0])
            self._finish(place, KafkaError(KafkaError._MSG_TIMED_OUT))
            return
        self._append(queue[0])
        if self._may_double and rng.random() < odds.send_doubles:
            self._append(queue[0], again=True)
        self._world.after(self._world.latency_ms(), lambda: self._finish(place, None))

    def _finish(self, place: Place, error: KafkaError | None) -> None:
        self._busy.discard(place)
        queue = self._queues[place]
        if not self.is_dead and queue:
            self._answer(queue, error)
            self._begin(place)

    def _answer(self, queue: list[Sent], error: KafkaError | None) -> None:
        sent = queue.pop(0)
        self.waiting -= len(sent.records)
        sent.acknowledged(error)

    def _append(self, sent: Sent, *, again: bool = False) -> None:
        if sent.is_stored and not again:
            return
        sent.is_stored = True
        for key, value, headers in sent.records:
            self._world.broker.append(sent.place, key, value, headers)


CHANGELOG = topics.CANDLE_CHANGELOG.name
