"""A topic read by a person: all partitions, no group, nothing committed."""

from collections.abc import Iterator

from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from schemas.errors import ConfigurationError, Transient
from schemas.topics import ALL, Topic

PATIENCE_S = 3.0
_POLL_S = 0.2
_POLL_MESSAGES = 500


def topic_named(name: str) -> Topic:
    """Return the topic of a full name, or a short one such as ``trades`` or ``dead-letters``.

    Raises:
        ConfigurationError: There is none; the message lists those there are.
    """
    readable = {short_name(topic): topic for topic in ALL if "." in topic.name}
    for short, topic in readable.items():
        if name in (short, topic.name):
            return topic
    raise ConfigurationError(f"there is no topic {name}: choose one of {', '.join(readable)}")


def short_name(topic: Topic) -> str:
    """Return the middle of a topic's name: ``trades`` of ``market.trades.v1``."""
    return topic.name.split(".")[1]


class TopicReader:
    """Reads a topic from its first record, or from what comes after now.

    Raises:
        Transient: The broker does not answer.
        ConfigurationError: The topic does not exist.
    """

    def __init__(self, servers: str, topic: Topic, *, from_beginning: bool) -> None:
        self._consumer = Consumer(
            {
                "bootstrap.servers": servers,
                "group.id": "candlewick-reader",
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "fetch.queue.backoff.ms": 5,
                "log_level": 0,
            }
        )
        try:
            self._ends = self._watermarks(topic, servers)
        except KafkaException as error:
            raise Transient(
                f"Kafka does not answer at {servers}: start it (`candlewick up`), "
                "or set CANDLEWICK_KAFKA__BOOTSTRAP_SERVERS"
            ) from error
        starts = {p: low if from_beginning else high for p, (low, high) in self._ends.items()}
        self._consumer.assign([TopicPartition(topic.name, p, at) for p, at in starts.items()])

    def follow(self) -> Iterator[list[Message]]:
        """Yield what has come, again and again, for ever; an empty list when nothing has."""
        while True:
            messages = self._consumer.consume(_POLL_MESSAGES, _POLL_S)
            yield [message for message in messages if message.error() is None]

    def until_now(self) -> Iterator[Message]:
        """Yield every record that was there when the reader was made."""
        missing = {p: high for p, (low, high) in self._ends.items() if low < high}
        for messages in self.follow():
            for message in messages:
                partition, offset = message.partition() or 0, message.offset() or 0
                if offset + 1 >= missing.get(partition, offset + 2):
                    del missing[partition]
                if offset < self._ends[partition][1]:
                    yield message
            if not missing:
                return

    def close(self) -> None:
        """Let the broker go."""
        self._consumer.close()

    def _watermarks(self, topic: Topic, servers: str) -> dict[int, tuple[int, int]]:
        found = self._consumer.list_topics(topic.name, timeout=PATIENCE_S).topics[topic.name]
        if found.error is not None:
            raise ConfigurationError(
                f"topic {topic.name} does not exist at {servers}: `candlewick topics create`"
            )
        places = [TopicPartition(topic.name, partition) for partition in found.partitions]
        return {p.partition: self._watermark(p) for p in places}

    def _watermark(self, place: TopicPartition) -> tuple[int, int]:
        low, high = self._consumer.get_watermark_offsets(place, timeout=PATIENCE_S)
        return low, high
