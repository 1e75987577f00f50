"""Records of topics, read once each: from the beginning, and then what has been added."""

import logging
import time
from collections.abc import Iterator, Mapping
from typing import Final

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from clients.clock import steady_ms
from clients.kafka.errors import meaning
from schemas.errors import ConfigurationError, RestartNeeded
from schemas.topics import Topic

log = logging.getLogger(__name__)
TIMEOUT_S: Final = 20.0  # of all look-ups of a topic together, and without a record while reading
WAIT_S: Final = 0.05
NEW_S: Final = 3.0  # until a topic that has just been made is known
# Of a topic that has just been made, or of brokers that have just come back.
_SOON: Final = (
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.UNKNOWN_TOPIC_OR_PART,
)


class TopicTail:
    """Reads topics up to their present ends; nothing is committed.

    Raises `ConfigurationError` where Kafka does not answer or a topic does not exist, and
    `RestartNeeded` where Kafka has shut this client out.
    """

    def __init__(self, bootstrap_servers: str, name: str) -> None:
        self._servers = bootstrap_servers
        self._positions: dict[tuple[str, int], int] = {}
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap_servers,
                "group.id": name,  # required by the client
                "client.id": name,
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "auto.offset.reset": "earliest",
                "fetch.queue.backoff.ms": 5,
                "fetch.wait.max.ms": 20,  # a question waits behind the fetch that is under way
                "queued.max.messages.kbytes": 16_384,
            },
            logger=log,
        )

    def close(self) -> None:
        """Close the connection."""
        self._consumer.close()

    def spans(self, topic: Topic) -> dict[int, tuple[int, int]]:
        """Return the first offset and the end of every partition."""
        try:
            return spans_of(self._consumer, topic.name, self._servers)
        except KafkaException as error:
            raise meaning_of(error, self._servers) from error

    def new(self, topic: Topic, starts: Mapping[int, int] | None = None) -> Iterator[Message]:
        """Yield what has been added since the last time.

        Args:
            topic: What to read.
            starts: Offsets to begin at, where they are later than what was read.
        """
        spans = self.spans(topic)
        begin = {
            number: max(low, self._position(topic, number), (starts or {}).get(number, low))
            for number, (low, _) in spans.items()
        }
        try:
            yield from self._read(topic, begin, {n: high for n, (_, high) in spans.items()})
        except KafkaException as error:
            raise meaning_of(error, self._servers) from error

    def passed(self, topic: Topic, partition: int, next_offset: int) -> None:
        """Take note that what is before an offset need not be read."""
        place = (topic.name, partition)
        self._positions[place] = max(self._positions.get(place, 0), next_offset)

    def _position(self, topic: Topic, number: int) -> int:
        return self._positions.get((topic.name, number), 0)

    def _read(self, topic: Topic, begin: dict[int, int], ends: dict[int, int]) -> Iterator[Message]:
        reading = {number for number, start in begin.items() if start < ends[number]}
        if not reading:
            return
        self._consumer.assign([TopicPartition(topic.name, n, begin[n]) for n in reading])
        heard_ms = steady_ms()
        while reading:
            messages = self._consumer.consume(2000, timeout=WAIT_S)
            if messages:
                heard_ms = steady_ms()
            elif steady_ms() - heard_ms > TIMEOUT_S * 1000:
                raise KafkaException(KafkaError(KafkaError._TIMED_OUT))  # noqa: SLF001 - their name
            for message in messages:
                if message.partition() in reading:
                    yield from _record(message)
                    reading -= _ended(message, ends)
        self._consumer.unassign()
        for number, end in ends.items():
            self.passed(topic, number, end)


def spans_of(consumer: Consumer, topic: str, bootstrap_servers: str) -> dict[int, tuple[int, int]]:
    """Return the first offset and the end of every partition of a topic.

    All look-ups together have `TIMEOUT_S`; a topic that has just been made is waited for.

    Raises:
        KafkaException: Kafka does not answer.
        ConfigurationError: The topic does not exist.
    """
    until_ms = steady_ms() + int(TIMEOUT_S * 1000)
    known_ms = steady_ms() + int(NEW_S * 1000)
    while True:
        found = consumer.list_topics(topic, timeout=_left_s(until_ms)).topics[topic]
        if found.error is None:
            break
        if steady_ms() > known_ms:
            raise ConfigurationError(
                f"topic {topic} does not exist at {bootstrap_servers}: create the topics with "
                "`candlewick topics create`"
            )
        time.sleep(WAIT_S)
    partitions = [TopicPartition(topic, number) for number in sorted(found.partitions)]
    return {place.partition: _span(consumer, place, until_ms) for place in partitions}


def meaning_of(error: KafkaException, bootstrap_servers: str) -> ConfigurationError | RestartNeeded:
    """Return what an error of Kafka means for who must read before he can begin."""
    found = meaning(error)
    if isinstance(found, RestartNeeded):
        return found
    return ConfigurationError(
        f"Kafka at {bootstrap_servers} does not answer: start it with `candlewick up`, or set "
        "CANDLEWICK_KAFKA__BOOTSTRAP_SERVERS"
    )


def _span(consumer: Consumer, place: TopicPartition, until_ms: int) -> tuple[int, int]:
    while True:
        try:
            found = consumer.get_watermark_offsets(place, timeout=_left_s(until_ms))
        except KafkaException as error:
            if error.args[0].code() not in _SOON or steady_ms() > until_ms:
                raise
            time.sleep(WAIT_S)
            continue
        if found is None:
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))  # noqa: SLF001 - their name
        return found


def _left_s(until_ms: int) -> float:
    return max(0.0, (until_ms - steady_ms()) / 1000)


def _record(message: Message) -> Iterator[Message]:
    error = message.error()
    if error is None:
        yield message
    elif error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001 - their name for it
        raise KafkaException(error)


def _ended(message: Message, ends: dict[int, int]) -> set[int]:
    number = message.partition() or 0
    is_last = message.error() is not None or (message.offset() or 0) + 1 >= ends[number]
    return {number} if is_last else set()
