"""Kafka consumers without a group, for the live tail, catching up, and single look-ups."""

from typing import Final

from confluent_kafka import Consumer, Message

from clients.kafka.opening import open_reader
from clients.limits import within
from clients.watching.log import EventLog
from schemas.errors import Transient
from schemas.settings import KafkaSettings

_log = EventLog(__name__)
PATIENCE_S: Final = 5.0
POLL_S: Final = 0.2
_TOGETHER_S = 0.02  # messages this soon after the first are sent to subscribers in one piece
_POLL_MESSAGES = 2000


def new_consumer(kafka: KafkaSettings) -> Consumer:
    """Return a consumer that commits no offsets, for questions that wait for one another."""
    return open_reader(kafka, "candlewick-api", fetch_wait_ms=20, memory_kib=4_096)


def tail_consumer(kafka: KafkaSettings) -> Consumer:
    """Return a consumer that commits no offsets, for the live tail: it asks seldom at rest."""
    return open_reader(kafka, "candlewick-api", memory_kib=4_096)


def next_messages(consumer: Consumer) -> list[Message]:
    """Wait at most a fifth of a second for a message; return it with those just after it."""
    # `consume` alone waits its full time, however soon the first message arrives.
    first = consumer.poll(POLL_S)
    return [] if first is None else [first, *consumer.consume(_POLL_MESSAGES, _TOGETHER_S)]


def close(consumer: Consumer) -> None:
    """Close a consumer; give up if Kafka does not answer in time."""
    try:
        within(PATIENCE_S, "Kafka (closing a consumer)", consumer.close)
    except Transient as error:
        _log.warning("stream_trouble", "{error}", error=error)
