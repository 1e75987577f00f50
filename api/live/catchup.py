"""What a subscriber missed, from Kafka, up to where the live stream takes over."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from confluent_kafka import Consumer, KafkaException, TopicPartition

from api.live.events import Event
from api.live.position import Place, Position
from api.live.tail import new_consumer, read_messages
from schemas.errors import Transient

PATIENCE_S = 10.0
_POLL_S = 0.5
_BATCH = 500
Range = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Missed:
    """A stretch of events, or what is said of those that Kafka does not have any more.

    Attributes:
        ends: Offsets after this stretch.
        lost: How many records are gone for ever.
    """

    events: tuple[Event, ...]
    ends: Position
    lost: int = 0


def missing_ranges(have: Position, upto: Position) -> dict[Place, Range]:
    """Return the offsets between two positions; a place that `have` lacks counts as read."""
    pairs = {place: (have.get(place, end), end) for place, end in upto.items()}
    return {place: (at, end) for place, (at, end) in pairs.items() if at < end}


def read_missed(servers: str, ranges: Mapping[Place, Range]) -> Iterator[Missed]:
    """Yield what is in these ranges of offsets, in stretches.

    Raises:
        Transient: Kafka does not answer, or stops to.
    """
    consumer = new_consumer(servers)
    try:
        starts = {place: _first(consumer, place, span) for place, span in ranges.items()}
        lost = sum(starts[place] - at for place, (at, _) in ranges.items())
        yield Missed((), {}, lost)
        left = {p: end for p, (_, end) in ranges.items() if starts[p] < end}
        consumer.assign([TopicPartition(k.topic.name, p, starts[k, p]) for k, p in left])
        while left:
            missed = _next(consumer, left)
            left = {p: end for p, end in left.items() if missed.ends.get(p, 0) < end}
            yield missed
    except KafkaException as error:
        raise Transient(f"Kafka at {servers} does not answer") from error
    finally:
        consumer.close()


def _first(consumer: Consumer, place: Place, span: Range) -> int:
    kind, partition = place
    low, _ = consumer.get_watermark_offsets(
        TopicPartition(kind.topic.name, partition), timeout=PATIENCE_S
    )
    return min(max(low, span[0]), span[1])


def _next(consumer: Consumer, left: Position) -> Missed:
    waited_s = 0.0
    while not (messages := consumer.consume(_BATCH, _POLL_S)):
        waited_s += _POLL_S
        if waited_s >= PATIENCE_S:
            raise Transient("Kafka stopped to answer in the middle of the past events")
    arrived = read_messages(messages, {})
    events = tuple(e for e, _, _ in arrived.items if e.offset < left.get(e.place, 0))
    return Missed(events, arrived.ends())
