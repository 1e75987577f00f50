"""Start positions: turns the `start` that a caller names into one offset a partition."""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal, NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from clients.kafka.errors import is_denied, is_silence, meaning
from clients.kafka.offsets import Span, span_of
from schemas.errors import CandlewickError, ConfigurationError, Transient
from schemas.settings import KafkaSettings

Start = Literal["beginning", "latest"] | datetime | Mapping[int, int]
PATIENCE_S = 3.0


class TopicAt(NamedTuple):
    """A topic and the brokers that serve it."""

    name: str
    kafka: KafkaSettings


class Begun(NamedTuple):
    """Where reading of a partition begins, and where the partition ends at that time."""

    place: TopicPartition
    end: int


def refused(error: KafkaError, topic: TopicAt) -> CandlewickError:
    """Translate an error that the library does not cure by itself into what to do."""
    if error.code() == KafkaError._AUTO_OFFSET_RESET:  # noqa: SLF001 - so named
        return _gone(topic)
    found = meaning(error, topic=topic.name, place=topic.kafka.place)
    if not isinstance(found, Transient) or is_silence(error):
        return found
    if is_denied(error):
        return ConfigurationError(str(found))
    return ConfigurationError(f"Kafka at {topic.kafka.place} refuses {topic.name}: {error.str()}")


def check_start(start: Start) -> None:
    """Reject a start that is not valid.

    Raises:
        ConfigurationError: It is an unknown word, or a datetime without a time zone.
    """
    if isinstance(start, str) and start not in ("beginning", "latest"):
        raise ConfigurationError(
            f"start={start!r} is not known: use beginning, latest, a datetime, or offsets such as "
            "{0: 1500}"
        )
    if isinstance(start, datetime) and start.utcoffset() is None:
        raise ConfigurationError(
            f"start={start.isoformat()} has no time zone: write datetime(..., tzinfo=UTC)"
        )


def check_partitions(topic: TopicAt, partitions: list[int], start: Start) -> None:
    """Reject offsets of partitions that the topic does not have.

    Raises:
        ConfigurationError: One does not exist.
    """
    asked = start if isinstance(start, Mapping) else {}
    for partition in asked:
        if partition not in partitions:
            raise ConfigurationError(
                f"{topic.name} has partitions {partitions[0]} to {partitions[-1]}, not "
                f"{partition}: correct start"
            )


def begin_at(
    consumer: Consumer, topic: TopicAt, partitions: list[int], start: Start
) -> list[Begun]:
    """Return each partition with the offset of the first record to read.

    Raises:
        Transient: The broker does not answer.
        ConfigurationError: A partition or an offset does not exist.
    """
    kept = {
        p: span_of(consumer, TopicPartition(topic.name, p), topic.kafka, answer_s=PATIENCE_S)
        for p in partitions
    }
    offsets = _offsets(consumer, topic, kept, start)
    return [Begun(TopicPartition(topic.name, p, at), kept[p][1]) for p, at in offsets.items()]


def go_on_at(
    consumer: Consumer,
    topic: TopicAt,
    places: list[TopicPartition],
    start: Start,
    ends: Mapping[int, int],
) -> tuple[list[Begun], list[Begun]]:
    """Return partitions at their group's committed offset, and the others at the start.

    An offset whose record is no longer stored counts as none, unless the start is the newest
    record: that is the default, and would pass over what is stored without a word.

    Args:
        consumer: Asks, as a member of the group.
        topic: What is read.
        places: The partitions that it has been given.
        start: Where partitions without an offset begin.
        ends: With ``latest``, where each partition ended when the subscription began. A partition
            that is not there was made later: all of it is new.

    Raises:
        Transient: The broker does not answer.
        ConfigurationError: An offset does not exist, or with ``latest`` its record is gone.
    """
    try:
        committed = consumer.committed(places, timeout=PATIENCE_S)
    except KafkaException as error:
        raise meaning(error, topic=topic.name, place=topic.kafka.place) from error
    known = _stored(consumer, topic, committed)
    kept = {begun.place.partition for begun in known}
    fresh = [place.partition for place in committed if place.partition not in kept]
    first = start
    if start == "latest":
        first = ends
        asked = [TopicPartition(topic.name, p, ends[p]) for p in fresh if p in ends]
        lost = [place for place in committed if place.offset >= 0 and place.partition in fresh]
        if lost or len(_stored(consumer, topic, asked)) < len(asked):
            raise _gone(topic)
    return known, begin_at(consumer, topic, fresh, first) if fresh else []


def _stored(consumer: Consumer, topic: TopicAt, places: list[TopicPartition]) -> list[Begun]:
    """Return those of the places whose record is there, or is the next one to be written."""
    found = []
    for place in places:
        if place.offset >= 0:
            low, high = span_of(consumer, place, topic.kafka, answer_s=PATIENCE_S)
            if low <= place.offset <= high:  # above: the topic was made anew
                found.append(Begun(place, high))
    return found


def _gone(topic: TopicAt) -> ConfigurationError:
    return ConfigurationError(
        f"the next record of {topic.name} is no longer stored: give start='beginning' to go on "
        "with the oldest one, or another group to begin anew"
    )


def _offsets(
    consumer: Consumer, topic: TopicAt, kept: dict[int, Span], start: Start
) -> dict[int, int]:
    if isinstance(start, datetime):
        asked = [TopicPartition(topic.name, p, int(start.timestamp() * 1000)) for p in kept]
        try:
            found = consumer.offsets_for_times(asked, timeout=PATIENCE_S)
        except KafkaException as error:
            raise meaning(error, topic=topic.name, place=topic.kafka.place) from error
        return {t.partition: t.offset if t.offset >= 0 else kept[t.partition][1] for t in found}
    if isinstance(start, Mapping):
        return {
            p: _checked(topic.name, p, start.get(p, low), (low, high))
            for p, (low, high) in kept.items()
        }
    return {p: low if start == "beginning" else high for p, (low, high) in kept.items()}


def _checked(topic: str, partition: int, offset: int, kept: Span) -> int:
    low, high = kept
    if not low <= offset <= high:
        raise ConfigurationError(
            f"partition {partition} of {topic} has offsets {low} to {high}, not {offset}"
        )
    return offset
