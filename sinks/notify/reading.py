"""Reads the topics of the rules: from their ends at first, then from where it stopped."""

import math
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Final

from confluent_kafka import KafkaError, Message, TopicPartition

from clients.clock import steady_ms
from clients.kafka.errors import meaning
from clients.kafka.group import GroupOffsets, Place
from clients.kafka.offsets import Span, spans_of
from clients.kafka.opening import open_reader
from clients.kafka.partition import partition_of
from clients.kafka.records import place_of
from clients.kafka.topics import topic_ids
from clients.kafka.unread import Unread
from clients.limits import within
from clients.process import Standstill
from clients.watching.log import EventLog
from schemas.errors import Transient
from schemas.settings import KafkaSettings
from schemas.topics import NOTIFY_GROUP, Topic
from sinks.notify.store import Store

_log: Final = EventLog(__name__)
_MESSAGES: Final = 500
_POLL_S: Final = 0.2
_CLOSE_S: Final = 2.0
_MEMORY_KIB: Final = 16_384
HELD_UP_MS: Final = 5_000  # a round takes a fraction of a second
ASKED_ANEW_MS: Final = 15_000  # after a standstill: to connect again, and be told of new ends


class Reading:
    """The records of some topics, each once; positions are in the store.

    Attributes:
        ids: The id of each topic.
        standing: Partitions that are stopped, as a newer version wrote a record there.
    """

    def __init__(self, kafka: KafkaSettings, topics: Sequence[Topic], store: Store) -> None:
        """Open the consumer and begin where the store says.

        Raises:
            Transient: Kafka does not answer.
            ConfigurationError: A topic does not exist.
        """
        self._store = store
        self.ids = topic_ids(kafka, [topic.name for topic in topics])
        self._consumer = open_reader(
            kafka, NOTIFY_GROUP, memory_kib=_MEMORY_KIB, on_commit=self._have_told
        )
        self.standing: set[Place] = set()
        self._next: dict[Place, int] = {}
        self._troubles: set[str] = set()
        self._is_telling = False
        self._standstill = Standstill()
        self._stood = self._sure_from_ms = self._read_ms = 0
        try:
            spans = {t.name: spans_of(self._consumer, t.name, kafka) for t in topics}
        except Transient:
            self._consumer.close()
            raise
        self._partitions = {name: len(numbers) for name, numbers in spans.items()}
        known = store.positions()
        with store.step():
            for name, partitions in spans.items():
                for number, span in partitions.items():
                    at = self._start(known.get((name, number)), name, span)
                    self.passed(name, number, at)
        self._consumer.assign([TopicPartition(*place, at) for place, at in self._next.items()])
        self._stood = self._standstill.look(steady_ms() / 1000)
        self._unread = Unread(GroupOffsets(kafka), self.read_to)
        self._unread.watch()

    def _start(self, known: tuple[str, int] | None, topic: str, span: Span) -> int:
        low, high = span
        if known is None:
            return high
        topic_id, at = known
        # A topic that was made anew counts from zero, and all in it is new.
        return min(max(low, at), high) if topic_id == self.ids[topic] else low

    def records(self) -> Iterator[Message]:
        """Yield what has come; ends after a fifth of a second.

        Raises:
            RestartNeeded: Kafka has shut this client out.
            ConfigurationError: A topic is missing.
        """
        messages = self._consumer.consume(_MESSAGES, _POLL_S)
        now_ms = steady_ms()
        self._notice_standstill(now_ms)
        # What others have brought is taken first: until then no partition counts as unread.
        self._read_ms = 0 if len(messages) == _MESSAGES else now_ms
        for message in messages:
            error = message.error()
            if error is None:
                self._report("")
                if place_of(message)[:2] not in self.standing:
                    yield message
                continue
            why = meaning(error, topic=message.topic() or "")
            if not isinstance(why, Transient):
                raise why
            self._report(str(why))

    def _notice_standstill(self, now_ms: int) -> None:
        stood = self._standstill.look(now_ms / 1000)
        if stood != self._stood:
            self._stood, self._sure_from_ms = stood, now_ms + ASKED_ANEW_MS

    def read_to(self) -> dict[Place, int]:
        """Return the newest offset read of each partition whose turn has come; from any thread."""
        if steady_ms() - self._read_ms >= HELD_UP_MS:
            return {}
        return {place: at - 1 for place, at in [*self._next.items()] if place not in self.standing}

    def passed(self, topic: str, partition: int, next_offset: int) -> None:
        """Note, in a step of the store, that everything before an offset is done."""
        self._next[topic, partition] = next_offset
        self._store.go_to(topic, partition, self.ids[topic], next_offset)

    def stand_still(self, topic: str, partition: int) -> None:
        """Stop reading a partition."""
        self.standing.add((topic, partition))
        self._consumer.pause([TopicPartition(topic, partition)])

    def is_behind(self, topic: str, symbol: str) -> bool:
        """Tell whether a topic may have records of a symbol which have not been taken.

        So it may after a standstill of this process: the ends that are known are those of before.
        """
        if steady_ms() < self._sure_from_ms:
            return True
        place = topic, partition_of(symbol, self._partitions[topic])
        return self._next[place] < self._end(place)

    def trouble(self) -> str:
        """Return which partitions stand still; empty if none does."""
        return "; ".join(
            f"{topic} [{partition}] stands still at a record of a newer version: update Candlewick "
            "where notifications run"
            for topic, partition in sorted(self.standing)
        )

    def _end(self, place: Place) -> float:
        span = self._consumer.get_watermark_offsets(TopicPartition(*place), cached=True)
        is_known = span is not None and span[1] >= 0  # negative before the first answer
        return span[1] if is_known else math.inf

    def tell(self, trouble: str) -> None:
        """Commit the positions for the lag in `candlewick status`, with a text beside them.

        The store decides where reading goes on; nothing depends on this commit, and nobody waits
        for it: without a broker it has no answer for most of a minute. Until then there is no
        other.
        """
        if self._is_telling:
            return
        first = min(self._next)
        offsets = [
            TopicPartition(*place, at, trouble if place == first else "")
            for place, at in self._next.items()
        ]
        self._consumer.commit(offsets=offsets, asynchronous=True)
        self._is_telling = True

    def _have_told(self, error: KafkaError | None, offsets: list[TopicPartition]) -> None:
        self._is_telling = False
        for each in (error, *(place.error for place in offsets)):
            if each is not None:
                self._report(str(meaning(each)))
                return

    def close(self) -> None:
        """Let the broker go; one that does not answer is not waited for."""
        self._unread.stop()
        with suppress(Transient):
            within(_CLOSE_S, "Kafka (closing)", self._consumer.close)

    def _report(self, trouble: str) -> None:
        if not trouble:
            self._troubles.clear()
        elif trouble not in self._troubles:
            self._troubles.add(trouble)
            _log.warning("notify_retried", "{error}; retrying", error=trouble)
