"""A topic read by a person: all partitions, from the first record or from now on, for ever."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Final

from confluent_kafka import Consumer, Message, TopicPartition

from clients.kafka.errors import meaning
from clients.kafka.offsets import spans_of
from clients.kafka.opening import open_reader
from clients.kafka.unread import ReadSoFar
from clients.limits import within
from clients.watching.log import EventLog
from schemas.errors import ConfigurationError, Transient
from schemas.settings import KafkaSettings
from schemas.topics import ALL, Topic

PATIENCE_S = 3.0
_POLL_S = 0.2
_POLL_MESSAGES = 500
_log: Final = EventLog(__name__)
# By the middle of its name: ``trades`` is ``market.trades.v1``. A changelog has no such name.
READABLE: Final = {topic.name.split(".")[1]: topic for topic in ALL if "." in topic.name}


def topic_named(name: str) -> Topic:
    """Return the topic of a full name, or a short one such as ``trades`` or ``dead-letters``.

    Raises:
        ConfigurationError: There is none; the message lists those there are.
    """
    for short, topic in READABLE.items():
        if name in (short, topic.name):
            return topic
    raise ConfigurationError(f"there is no topic {name}: choose one of {', '.join(READABLE)}")


class TopicFollower:
    """Follows a topic from its first record, or from what comes after now; commits nothing.

    As long as Kafka is away it waits, and says so in the log. Where one partition stands still, a
    new client goes on.

    Raises:
        Transient: Kafka does not answer.
        ConfigurationError: The topic does not exist.
    """

    def __init__(self, kafka: KafkaSettings, topic: Topic, *, from_beginning: bool) -> None:
        self._topic, self._kafka = topic, kafka
        self._consumer = self._opened()
        spans = spans_of(self._consumer, topic.name, kafka, answer_s=PATIENCE_S)
        starts = {p: low if from_beginning else high for p, (low, high) in spans.items()}
        self._read = ReadSoFar(kafka)
        self._read.begin(TopicPartition(topic.name, p, at) for p, at in starts.items())
        self._consumer.assign(self._read.places())
        self._read.watch()

    def follow(self) -> Iterator[list[Message]]:
        """Yield what has come, again and again, for ever; an empty list when nothing has.

        Raises:
            Transient: Kafka refuses it.
        """
        while True:
            if self._read.stuck is not None:
                self._begin_anew(self._read.stuck)
            messages = self._consumer.consume(_POLL_MESSAGES, _POLL_S)
            if len(messages) < _POLL_MESSAGES:
                self._read.all_read()
            records = [message for message in messages if self._is_record(message)]
            for record in records:
                self._read.passed(record)
            yield records

    def _is_record(self, message: Message) -> bool:
        error = message.error()
        if error is not None and not error.retriable():
            raise meaning(error, topic=self._topic.name, place=self._kafka.place)
        return error is None

    def _opened(self) -> Consumer:
        return open_reader(self._kafka, "candlewick-reader", waits=True)

    def _begin_anew(self, why: str) -> None:
        _log.warning("partition_unread", "{reason}: another client goes on", reason=why)
        consumer = self._opened()
        with suppress(Transient):
            within(PATIENCE_S, "Kafka (closing)", self._consumer.close)
        self._consumer, self._read.stuck = consumer, None
        self._consumer.assign(self._read.places())

    def close(self) -> None:
        """Let the broker go."""
        self._read.stop()
        self._consumer.close()
