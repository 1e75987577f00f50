"""The last records of a topic."""

from collections.abc import Callable, Iterator
from typing import Final, Self, TypeVar

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from clients.clock import steady_ms
from clients.kafka.errors import meaning
from clients.kafka.reader import meaning_of, spans_of
from schemas.codecs import record_in
from schemas.errors import PoisonMessage, RestartNeeded

RecordT = TypeVar("RecordT")
TIMEOUT_S: Final = 10.0  # without a record while reading
WAIT_S: Final = 0.05  # the client waits so long for a batch to become full
LOG_CRITICAL: Final = 2  # the client would tell of every attempt to connect


class TopicTail:
    """Reads backwards from the end of every partition as it was when this was made.

    Every partition is read, so that it holds after a change of their number.

    Attributes:
        longest: Records in the longest partition.
    """

    def __init__(self, bootstrap_servers: str, topic: str) -> None:
        """Look for the ends.

        Raises:
            ConfigurationError: Kafka does not answer, or the topic does not exist.
        """
        self._servers = bootstrap_servers
        self._topic = topic
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap_servers,
                "group.id": "candlewick-producer",  # required by the client; nothing is committed
                "client.id": "candlewick-producer",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "auto.offset.reset": "earliest",
                "fetch.queue.backoff.ms": 5,
                "log_level": LOG_CRITICAL,
            }
        )
        self._spans = self._find_spans()
        self.longest = max((high - low for low, high in self._spans.values()), default=0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._consumer.close()

    def records(
        self, record: type[RecordT], depth: int, bury: Callable[[PoisonMessage, Message], None]
    ) -> Iterator[RecordT]:
        """Yield the last ``depth`` records of each partition; those of a key are in order.

        Args:
            record: Type of the topic's values.
            depth: How many of each partition.
            bury: Gets those that cannot be used.

        Raises:
            ConfigurationError: Kafka does not answer any more.
            ContractMismatch: A newer version of Candlewick has written to the topic.
            RestartNeeded: Kafka has shut this client out.
        """
        for message in self._messages(depth):
            try:
                yield record_in(record, message)
            except PoisonMessage as error:
                bury(error, message)

    def _messages(self, depth: int) -> Iterator[Message]:
        spans = {n: (low, high) for n, (low, high) in self._spans.items() if high > low}
        starts = [
            TopicPartition(self._topic, n, max(lo, hi - depth)) for n, (lo, hi) in spans.items()
        ]
        self._consumer.assign(starts)
        heard_ms = steady_ms()
        while spans:
            messages = self._consumer.consume(1000, timeout=WAIT_S)
            if messages:
                heard_ms = steady_ms()
            elif steady_ms() - heard_ms > TIMEOUT_S * 1000:
                raise meaning_of(
                    KafkaException(KafkaError(KafkaError._TIMED_OUT)),  # noqa: SLF001 - their name
                    self._servers,
                )
            for message in messages:
                error = message.error()
                if error is None:
                    yield message
                elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - their name for it
                    spans.pop(message.partition() or 0, None)
                elif isinstance(lost := meaning(error), RestartNeeded):
                    raise lost

    def _find_spans(self) -> dict[int, tuple[int, int]]:
        try:
            return spans_of(self._consumer, self._topic, self._servers)
        except KafkaException as error:
            raise meaning_of(error, self._servers) from error
