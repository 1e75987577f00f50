"""Stand-ins of confluent-kafka's clients over the simulated Kafka."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Self

from confluent_kafka import KafkaError, KafkaException, TopicPartition

from schemas.dead_letters import Origin, letter_of
from schemas.errors import ConfigurationError, Transient
from schemas.topics import DEAD_LETTERS, Topic
from tests.simulation.kafka import PARTITIONS, Place, Record, Sent, Session, place_of

if TYPE_CHECKING:
    from tests.simulation.world import World

_AWAY = KafkaError._TIMED_OUT


class SimProducer:
    """Idempotent, in order, for ever patient: as `clients.kafka.opening` opens it."""

    def __init__(self, world: "World") -> None:
        self.session = Session(world, may_double=False)
        self._answers: list[Callable[[], None]] = []

    def __len__(self) -> int:
        return self.session.waiting + len(self._answers)

    def produce(
        self, topic: str, *, value: bytes, key: bytes, headers: list[Any], on_delivery: Any
    ) -> None:
        place = place_of(topic, key)
        record = Record(place, -1, key, value, tuple(headers))

        def acknowledged(error: KafkaError | None) -> None:
            self._answers.append(partial(on_delivery, error, record))

        self.session.send(Sent([(key, value, tuple(headers))], place, acknowledged))

    def poll(self, _timeout: float) -> int:
        answers, self._answers = self._answers, []
        for answer in answers:
            answer()
        return len(answers)

    def flush(self, _timeout: float) -> int:
        self.session.flush()
        self.poll(0)
        return 0


class SimReader:
    """`clients.kafka.reader.TopicReader`: what topics hold now."""

    def __init__(self, world: "World") -> None:
        self._world = world

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def spans(self, topic: Topic) -> dict[int, tuple[int, int]]:
        self._ask()
        logs = self._world.broker.log
        return {p: (0, len(logs((topic.name, p)))) for p in range(PARTITIONS)}

    def newest(self, topic: Topic, depth: int) -> Iterator[Record]:
        self._ask()
        for partition in range(PARTITIONS):
            yield from self._world.broker.log((topic.name, partition))[-depth:]

    def _ask(self) -> None:
        if self._world.broker.is_away:
            raise ConfigurationError("Kafka does not answer")


class SimLetters:
    """`clients.kafka.dead_letters.DeadLetters`: waits until Kafka has the letter."""

    def __init__(self, world: "World", reach: Callable[[str], None]) -> None:
        self._world = world
        self._reach = reach

    def send(self, raw: bytes, origin: Origin) -> None:
        self._reach("before a letter")
        if self._world.broker.is_away:
            raise Transient("Kafka does not answer")
        letter = letter_of(raw, origin)
        place = place_of(DEAD_LETTERS.name, letter.key)
        self._world.broker.append(place, letter.key, letter.value, letter.headers)
        self._reach("after a letter")


class SimConsumer:
    """A member of a group that commits by hand: every call is a place at which it can die.

    Args:
        reach: Called before and after each effect; it may end the process.
    """

    def __init__(self, world: "World", group: str, reach: Callable[[str], None]) -> None:
        self._world = world
        self._group = group
        self._reach = reach
        self._positions: dict[Place, int] = {}
        self._paused: set[Place] = set()
        self._assign: Callable[[], None] | None = None

    def subscribe(self, topics: Sequence[str], *, on_assign: Any, **_: Any) -> None:
        places = [TopicPartition(t, p) for t in topics for p in range(PARTITIONS)]

        def assign() -> None:
            for one in places:
                place = one.topic, one.partition
                at = self._world.broker.group_offset(self._group, place)[0]
                self._positions[place] = max(at, 0)
            on_assign(self, places)

        self._assign = assign

    def consume(self, count: int, _timeout: float) -> list[Record]:
        self._reach("before a read")
        if self._world.broker.is_away:
            return []
        if self._assign is not None:
            assign, self._assign = self._assign, None
            assign()
            return []
        found: list[Record] = []
        rng = self._world.rng
        for place in rng.sample(sorted(self._positions), len(self._positions)):
            if place in self._paused or len(found) >= count:
                continue
            at = self._positions[place]
            most = min(count - len(found), rng.choice((1, 2, 5, 50)))
            records = self._world.broker.log(place)[at : at + most]
            self._positions[place] = at + len(records)
            found += records
        return found

    def committed(self, wanted: list[TopicPartition], timeout: float) -> list[TopicPartition]:  # noqa: ARG002 - the client's
        self._reach("before asking for offsets")
        if self._world.broker.is_away:
            raise KafkaException(KafkaError(_AWAY))
        answers = []
        for one in wanted:
            offset, text = self._world.broker.group_offset(self._group, (one.topic, one.partition))
            answers.append(TopicPartition(one.topic, one.partition, offset, text))
        return answers

    def get_watermark_offsets(self, place: TopicPartition, timeout: float) -> tuple[int, int]:  # noqa: ARG002 - the client's
        self._reach("before asking for the end")
        if self._world.broker.is_away:
            raise KafkaException(KafkaError(_AWAY))
        return 0, len(self._world.broker.log((place.topic, place.partition)))

    def commit(self, *, offsets: list[TopicPartition], asynchronous: bool) -> list[TopicPartition]:
        assert not asynchronous
        self._reach("before a commit")
        broker, rng = self._world.broker, self._world.rng
        if broker.is_away:
            raise KafkaException(KafkaError(_AWAY))
        is_lost = rng.random() < self._world.odds.commit_fails
        if not is_lost or rng.random() < 0.5:
            wanted = {(o.topic, o.partition): (o.offset, o.metadata or "") for o in offsets}
            broker.commit(self._group, wanted)
        if is_lost:
            raise KafkaException(KafkaError(_AWAY))
        self._reach("after a commit")
        return offsets

    def pause(self, partitions: list[TopicPartition]) -> None:
        self._paused |= {(p.topic, p.partition) for p in partitions}

    def resume(self, partitions: list[TopicPartition]) -> None:
        self._paused -= {(p.topic, p.partition) for p in partitions}

    def close(self) -> None:
        pass
