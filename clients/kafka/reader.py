"""Records of topics up to their present ends: all of them, what has been added, or the newest."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final, Self

from confluent_kafka import Consumer, Message, TopicPartition

from clients.clock import steady_ms
from clients.kafka.errors import PARTITION_END, is_denied, meaning, no_answer
from clients.kafka.offsets import Span, spans_of
from clients.kafka.opening import open_reader
from schemas.errors import ConfigurationError, Transient
from schemas.settings import KafkaSettings
from schemas.topics import Topic

TIMEOUT_S: Final = 20.0  # of all look-ups of a topic together, and without a record while reading
_WAIT_S: Final = 0.05  # the client waits so long for a batch to become full
_LOOK_S: Final = 0.5
_MESSAGES: Final = 2000
_FETCH_WAIT_MS: Final = 20  # a question waits behind the fetch that is under way
_MEMORY_KIB: Final = 16_384


class TopicReader:
    """Reads topics up to their present ends, for whom cannot begin without; commits nothing.

    Raises `ConfigurationError` where Kafka does not answer, a topic does not exist or may not be
    read, and `RestartNeeded` where Kafka has shut this client out.
    """

    def __init__(
        self,
        kafka: KafkaSettings,
        name: str,
        *,
        answer_s: float = TIMEOUT_S,
        fetch_wait_ms: int = _FETCH_WAIT_MS,
    ) -> None:
        """Set it up; nothing is asked yet.

        Args:
            kafka: Where the brokers are, and how to sign in.
            name: Who reads.
            answer_s: Limit of all look-ups of a topic, and of the silence while reading.
            fetch_wait_ms: How long Kafka may hold an answer back while there is nothing to tell.
        """
        self._kafka = kafka
        self._answer_s = answer_s
        self._positions: dict[tuple[str, int], int] = {}
        self._consumer: Consumer = open_reader(
            kafka, name, tells_ends=True, fetch_wait_ms=fetch_wait_ms, memory_kib=_MEMORY_KIB
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._consumer.close()

    def spans(self, topic: Topic) -> dict[int, Span]:
        """Return the first offset and the end of every partition."""
        try:
            return spans_of(self._consumer, topic.name, self._kafka, answer_s=self._answer_s)
        except Transient as error:
            raise _needed(error) from error

    def new(self, topic: Topic, starts: Mapping[int, int] | None = None) -> Iterator[Message]:
        """Yield what has been added since the last time; at first all that there is.

        A topic that was made anew, and ends before what was read, is read from its beginning.

        Args:
            topic: What to read.
            starts: Offsets to begin at, where they are later than what was read.
        """
        spans = self.spans(topic)
        begin = {
            number: max(low, self._position(topic, number, high), (starts or {}).get(number, low))
            for number, (low, high) in spans.items()
        }
        ends = {number: high for number, (_, high) in spans.items()}
        yield from self._read(topic, begin, ends)
        self._positions |= {(topic.name, number): end for number, end in ends.items()}

    def wait(self, topic: Topic, limit_s: float, is_over: Callable[[], bool]) -> bool:
        """Wait until a topic that was read has more, and tell whether it has; `new` reads it.

        Args:
            topic: What is waited for.
            limit_s: For how long, at most.
            is_over: Whether to wait no more; asked twice a second.
        """
        held = [
            (number, at) for (name, number), at in self._positions.items() if name == topic.name
        ]
        self._consumer.assign([TopicPartition(topic.name, number, at) for number, at in held])
        until_ms = steady_ms() + int(limit_s * 1000)
        try:
            while steady_ms() < until_ms and not is_over():
                message = self._consumer.poll(_LOOK_S)
                if message is not None and not _is_end(message):
                    return True  # or an error, which `new` meets too
        finally:
            self._consumer.unassign()
        return False

    def newest(self, topic: Topic, depth: int) -> Iterator[Message]:
        """Yield the last ``depth`` records of each partition, whatever was read before."""
        spans = self.spans(topic)
        begin = {number: max(low, high - depth) for number, (low, high) in spans.items()}
        yield from self._read(topic, begin, {number: high for number, (_, high) in spans.items()})

    def passed(self, topic: Topic, partition: int, next_offset: int) -> None:
        """Take note that what is before an offset need not be read."""
        place = (topic.name, partition)
        self._positions[place] = max(self._positions.get(place, 0), next_offset)

    def rewind(self, topic: Topic, partition: int, next_offset: int) -> None:
        """Read the records from an offset on again, if they were read or passed before."""
        place = (topic.name, partition)
        self._positions[place] = min(self._positions.get(place, 0), next_offset)

    def _position(self, topic: Topic, number: int, end: int) -> int:
        at = self._positions.get((topic.name, number), 0)
        return at if at <= end else 0  # the topic was made anew

    def _read(
        self, topic: Topic, begin: Mapping[int, int], ends: Mapping[int, int]
    ) -> Iterator[Message]:
        reading = {number for number, start in begin.items() if start < ends[number]}
        if not reading:
            return
        self._consumer.assign([TopicPartition(topic.name, n, begin[n]) for n in sorted(reading)])
        heard_ms = steady_ms()
        while reading:
            messages = self._consumer.consume(_MESSAGES, timeout=_WAIT_S)
            if messages:
                heard_ms = steady_ms()
            elif steady_ms() - heard_ms > self._answer_s * 1000:
                raise _needed(no_answer(self._kafka.place))
            for message in messages:
                if message.partition() in reading:
                    yield from self._record(topic, message)
                    reading -= _ended(message, ends)
        self._consumer.unassign()

    def _record(self, topic: Topic, message: Message) -> Iterator[Message]:
        error = message.error()
        if error is None:
            yield message
        elif not _is_end(message):
            why = meaning(error, topic=topic.name, place=self._kafka.place)
            if not isinstance(why, Transient):
                raise why
            if is_denied(error):
                raise _needed(why)
            # else the silence that follows has its limit


def _needed(error: Transient) -> ConfigurationError:
    return ConfigurationError(str(error))


def _is_end(message: Message) -> bool:
    error = message.error()
    return error is not None and error.code() == PARTITION_END


def _ended(message: Message, ends: Mapping[int, int]) -> set[int]:
    number = message.partition() or 0
    if message.error() is not None:
        return {number} if _is_end(message) else set()
    return {number} if (message.offset() or 0) + 1 >= ends[number] else set()
