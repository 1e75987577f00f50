"""What a topic holds: its partitions, and the offsets between which each has records."""

import time
from collections.abc import Callable
from typing import Final, TypeVar

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from clients.clock import steady_ms
from clients.kafka.errors import ANSWER_S, TIMED_OUT, meaning
from schemas.errors import ConfigurationError
from schemas.settings import KafkaSettings

Span = tuple[int, int]  # offset of the first record, and that behind the last one
ValueT = TypeVar("ValueT")
NEW_S: Final = 3.0  # until a topic that has just been made is known
_AGAIN_S: Final = 0.05
# Of a topic that has just been made, or of brokers that have just come back.
_SOON: Final = (
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError._UNKNOWN_PARTITION,  # noqa: SLF001
)


def partitions_of(
    consumer: Consumer, topic: str, kafka: KafkaSettings, *, answer_s: float = ANSWER_S
) -> list[int]:
    """Return the partitions of a topic; one that has just been made is waited for.

    Args:
        consumer: Asks.
        topic: Its full name.
        kafka: Which brokers are asked, for an error.
        answer_s: Limit of all that is asked.

    Raises:
        Transient: Kafka does not answer.
        ConfigurationError: The topic does not exist.
        RestartNeeded: Kafka has shut this client out.
    """
    until_ms = steady_ms() + int(answer_s * 1000)
    known_ms = steady_ms() + int(min(NEW_S, answer_s / 2) * 1000)
    while True:
        found = _asked(
            lambda: consumer.list_topics(topic, timeout=_left_s(until_ms)).topics[topic],
            topic,
            kafka,
        )
        if found.error is None:
            return sorted(found.partitions)
        why = meaning(found.error, topic=topic, place=kafka.place)
        if not isinstance(why, ConfigurationError) or steady_ms() > known_ms:
            raise why
        time.sleep(_AGAIN_S)


def spans_of(
    consumer: Consumer, topic: str, kafka: KafkaSettings, *, answer_s: float = ANSWER_S
) -> dict[int, Span]:
    """Return what each partition of a topic holds; all together have one limit.

    Raises as `partitions_of` does.
    """
    until_ms = steady_ms() + int(answer_s * 1000)
    partitions = partitions_of(consumer, topic, kafka, answer_s=answer_s)
    return {
        number: span_of(consumer, TopicPartition(topic, number), kafka, answer_s=_left_s(until_ms))
        for number in partitions
    }


def span_of(
    consumer: Consumer, place: TopicPartition, kafka: KafkaSettings, *, answer_s: float = ANSWER_S
) -> Span:
    """Return what one partition holds. Raises as `partitions_of` does."""
    until_ms = steady_ms() + int(answer_s * 1000)
    while True:
        try:
            found = consumer.get_watermark_offsets(place, timeout=_left_s(until_ms))
        except KafkaException as error:
            if error.args[0].code() not in _SOON or steady_ms() > until_ms:
                raise meaning(error, topic=place.topic, place=kafka.place) from error
            time.sleep(_AGAIN_S)
            continue
        if found is None:
            raise meaning(KafkaError(TIMED_OUT), place=kafka.place)
        return found


def _asked(ask: Callable[[], ValueT], topic: str, kafka: KafkaSettings) -> ValueT:
    try:
        return ask()
    except KafkaException as error:
        raise meaning(error, topic=topic, place=kafka.place) from error


def _left_s(until_ms: int) -> float:
    return max(0.0, (until_ms - steady_ms()) / 1000)
