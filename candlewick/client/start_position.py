"""Where a subscription begins: a start that a person names, as one offset a partition."""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from schemas.errors import ConfigurationError, Transient

Start = Literal["beginning", "latest"] | datetime | Mapping[int, int]
PATIENCE_S = 3.0


def partitions_of(consumer: Consumer, topic: str, servers: str) -> list[int]:
    """Return the partitions of a topic.

    Raises:
        Transient: The broker does not answer.
        ConfigurationError: The topic does not exist, or may not be read.
    """
    try:
        found = consumer.list_topics(topic, timeout=PATIENCE_S).topics[topic]
    except KafkaException as error:
        raise Transient(
            f"Kafka does not answer at {servers}: start it (`candlewick up`), "
            "or set CANDLEWICK_KAFKA__BOOTSTRAP_SERVERS"
        ) from error
    if found.error is not None:
        raise refused(found.error, topic, servers)
    return sorted(found.partitions)


def refused(error: KafkaError, topic: str, servers: str) -> ConfigurationError:
    """Return what a person must do about an error of a topic that waiting does not mend."""
    code = error.code()
    if code in (KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC):  # noqa: SLF001 - so named
        return ConfigurationError(
            f"topic {topic} does not exist at {servers}: `candlewick topics create`"
        )
    if code == KafkaError._AUTO_OFFSET_RESET:  # noqa: SLF001 - so named
        return ConfigurationError(
            f"the next record of {topic} is not kept any more: start from the beginning"
        )
    return ConfigurationError(f"Kafka at {servers} refuses {topic}: {error.str()}")


def check_start(start: Start) -> None:
    """Refuse a start that means nothing.

    Raises:
        ConfigurationError: It is another word, or a moment without a time zone.
    """
    if isinstance(start, str) and start not in ("beginning", "latest"):
        raise ConfigurationError(
            f"start={start!r} is not known: beginning, latest, a datetime, or offsets such as "
            "{0: 1500}"
        )
    if isinstance(start, datetime) and start.utcoffset() is None:
        raise ConfigurationError(
            f"start={start.isoformat()} has no time zone: datetime(..., tzinfo=UTC)"
        )


def begin_at(
    consumer: Consumer, topic: str, partitions: list[int], start: Start
) -> list[TopicPartition]:
    """Return each partition with the offset of the first record to read.

    Raises:
        Transient: The broker does not answer.
        ConfigurationError: An offset, or a partition, that is not there.
    """
    try:
        kept = {p: _kept(consumer, topic, p) for p in partitions}
        offsets = _offsets(consumer, topic, kept, start)
    except KafkaException as error:
        raise Transient(f"Kafka does not say what {topic} holds: {error.args[0].str()}") from error
    return [TopicPartition(topic, p, offset) for p, offset in offsets.items()]


def go_on_at(
    consumer: Consumer, topic: str, places: list[TopicPartition], start: Start
) -> list[TopicPartition]:
    """Return each partition where its group stopped, or where the start says if it has not begun.

    Raises:
        Transient: The broker does not answer.
        ConfigurationError: An offset, or a partition, that is not there.
    """
    try:
        committed = consumer.committed(places, timeout=PATIENCE_S)
    except KafkaException as error:
        raise Transient(
            f"Kafka does not say where {topic} was left: {error.args[0].str()}"
        ) from error
    known = [place for place in committed if place.offset >= 0]
    fresh = [place.partition for place in committed if place.offset < 0]
    return known + (begin_at(consumer, topic, fresh, start) if fresh else [])


def _kept(consumer: Consumer, topic: str, partition: int) -> tuple[int, int]:
    low, high = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=PATIENCE_S)
    return low, high


def _offsets(
    consumer: Consumer, topic: str, kept: dict[int, tuple[int, int]], start: Start
) -> dict[int, int]:
    if isinstance(start, datetime):
        asked = [TopicPartition(topic, p, int(start.timestamp() * 1000)) for p in kept]
        found = consumer.offsets_for_times(asked, timeout=PATIENCE_S)
        return {t.partition: t.offset if t.offset >= 0 else kept[t.partition][1] for t in found}
    if isinstance(start, Mapping):
        return {
            p: _checked(topic, p, start.get(p, low), (low, high)) for p, (low, high) in kept.items()
        }
    return {p: low if start == "beginning" else high for p, (low, high) in kept.items()}


def _checked(topic: str, partition: int, offset: int, kept: tuple[int, int]) -> int:
    low, high = kept
    if not low <= offset <= high:
        raise ConfigurationError(
            f"partition {partition} of {topic} has offsets {low} to {high}, not {offset}"
        )
    return offset
