"""A topic read by a person: all partitions, from the first record or from now on, for ever."""

from collections.abc import Iterator
from typing import Final

from confluent_kafka import Message, TopicPartition

from clients.kafka.errors import meaning
from clients.kafka.offsets import spans_of
from clients.kafka.opening import open_reader
from schemas.errors import ConfigurationError
from schemas.settings import KafkaSettings
from schemas.topics import ALL, Topic

PATIENCE_S = 3.0
_POLL_S = 0.2
_POLL_MESSAGES = 500
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

    As long as Kafka is away it waits, and says so in the log.

    Raises:
        Transient: Kafka does not answer.
        ConfigurationError: The topic does not exist.
    """

    def __init__(self, kafka: KafkaSettings, topic: Topic, *, from_beginning: bool) -> None:
        self._topic, self._kafka = topic, kafka
        self._consumer = open_reader(kafka, "candlewick-reader", waits=True)
        spans = spans_of(self._consumer, topic.name, kafka, answer_s=PATIENCE_S)
        starts = {p: low if from_beginning else high for p, (low, high) in spans.items()}
        self._consumer.assign([TopicPartition(topic.name, p, at) for p, at in starts.items()])

    def follow(self) -> Iterator[list[Message]]:
        """Yield what has come, again and again, for ever; an empty list when nothing has.

        Raises:
            Transient: Kafka refuses it.
        """
        while True:
            messages = self._consumer.consume(_POLL_MESSAGES, _POLL_S)
            yield [message for message in messages if self._is_record(message)]

    def _is_record(self, message: Message) -> bool:
        error = message.error()
        if error is not None and not error.retriable():
            raise meaning(error, topic=self._topic.name, place=self._kafka.place)
        return error is None

    def close(self) -> None:
        """Let the broker go."""
        self._consumer.close()
