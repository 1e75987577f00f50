"""An open subscription: a topic as an iterator of typed records."""

import math
import time
import weakref
from types import TracebackType
from typing import Generic, TypeVar

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from candlewick.client.request import SubscriptionRequest
from candlewick.client.start_position import (
    PATIENCE_S,
    Begun,
    TopicAt,
    begin_at,
    check_partitions,
    go_on_at,
    refused,
)
from clients.kafka.errors import PARTITION_END, TOO_SLOW
from clients.kafka.offsets import partitions_of
from clients.kafka.opening import open_subscriber
from clients.kafka.unread import ReadSoFar
from clients.limits import within
from clients.watching.log import EventLog
from schemas.codecs import headers_of, record_in
from schemas.errors import CandlewickError, ContractMismatch, PoisonMessage, Transient
from schemas.replayed import is_replayed

RecordT = TypeVar("RecordT")
_SLICE_S = 0.2  # Ctrl-C waits this long at most
_log = EventLog(__name__)


class Subscription(Generic[RecordT]):
    """Iterates over the records of a topic, for ever or until it has caught up.

    Use it in a ``with`` block: leaving it closes the consumer. Ctrl-C raises KeyboardInterrupt
    within 0.2 s. In a group, a record counts as read once the next one is requested or the block
    ends without an error; until then it is delivered again. A member that asks for nothing for
    five minutes loses its partitions to the others, and joins again when it asks. Where a partition
    stands still although records wait there, a new client goes on.

    Raises:
        Transient: The broker does not answer.
        ConfigurationError: The topic or an offset does not exist.
    """

    def __init__(self, record: type[RecordT], wish: SubscriptionRequest) -> None:
        self._record = record
        self._wish = wish
        self._at = TopicAt(wish.topic.name, wish.kafka)
        self._last: Message | None = None
        self._asked: dict[int, int] = {}  # where each partition ended when it was asked for
        self._ends: dict[int, int] = {}  # and when reading began
        self._ended: set[int] = set()
        self._is_assigned = False
        self._again = False
        self._open = True
        self._so_far = ReadSoFar(wish.kafka)
        weakref.finalize(self, self._so_far.stop)  # it may be dropped without being closed
        self._consumer = self._opened()
        try:
            self._begin()
        except Exception:
            self.close()
            raise

    def __iter__(self) -> "Subscription[RecordT]":
        return self

    def __next__(self) -> RecordT:
        while not self.ended:
            record = self.poll(_SLICE_S)
            if record is not None:
                return record
        raise StopIteration

    @property
    def ended(self) -> bool:
        """True once it was closed, or ``follow=False`` has read all that was there at the start."""
        if not self._open:
            return True
        if self._wish.follow or not self._is_assigned:
            return False
        # Of a group with more members than partitions some have none: they have nothing to read.
        return {place.partition for place in self._consumer.assignment()} <= self._ended

    def poll(self, wait_s: float) -> RecordT | None:
        """Return the next record, or None if none arrives within ``wait_s`` seconds.

        Raises:
            PoisonMessage: The next record cannot be decoded; the following call skips it.
            ContractMismatch: This version does not know the record's contract.
            Transient: The broker does not answer.
            ConfigurationError: The topic was deleted, or access to it is denied.
        """
        deadline = time.monotonic() + wait_s
        while self._open:
            self._count_as_read()
            self._mend()
            message = self._consumer.poll(0)
            if message is None:
                self._so_far.all_read()
                message = self._consumer.poll(min(_SLICE_S, max(0.0, deadline - time.monotonic())))
            if message is not None and self._is_wanted(message):
                return self._decoded(message)
            if time.monotonic() >= deadline or self.ended:
                break
        return None

    def close(self) -> None:
        """Commit the offsets and leave the group, if any; a second call does nothing.

        It gives up after some seconds without an answer: the last records read may come again.
        """
        if self._open:
            self._open = False
            self._so_far.stop()
            self._leave()

    def __enter__(self) -> "Subscription[RecordT]":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None and self._open:
            self._count_as_read()
        self.close()

    def _opened(self) -> Consumer:
        wish = self._wish
        return open_subscriber(wish.kafka, wish.group, tells_ends=not wish.follow)

    def _leave(self) -> None:
        try:
            within(PATIENCE_S, "Kafka (leaving a subscription)", self._consumer.close)
        except Transient as error:
            _log.warning("subscription_left", "{error}: its offsets may be lost", error=error)

    def _begin(self) -> None:
        wish = self._wish
        partitions = partitions_of(self._consumer, wish.topic.name, wish.kafka, answer_s=PATIENCE_S)
        check_partitions(self._at, partitions, wish.start)
        if wish.follow:
            self._so_far.watch()
        if wish.group is None:
            self._read(begin_at(self._consumer, self._at, partitions, wish.start))
            return
        if wish.start == "latest":  # now, not when Kafka gives out the partitions
            begun = begin_at(self._consumer, self._at, partitions, wish.start)
            self._asked = {place.partition: end for place, end in begun}
        self._join()

    def _join(self) -> None:
        self._consumer.subscribe(
            [self._wish.topic.name], on_assign=self._assigned, on_revoke=self._revoked
        )

    def _mend(self) -> None:
        if self._so_far.stuck is not None:
            self._replace_client(self._so_far.stuck)
        elif self._again:
            self._again = False
            self._consumer.unsubscribe()
            self._join()

    def _replace_client(self, why: str) -> None:
        _log.warning("partition_unread", "{reason}: another client goes on", reason=why)
        consumer = self._opened()
        self._leave()
        self._consumer, self._so_far.stuck, self._again = consumer, None, False
        if self._wish.group is None:
            consumer.assign(self._so_far.places())
        else:  # where it goes on is what was committed on leaving
            self._join()

    def _assigned(self, consumer: Consumer, places: list[TopicPartition]) -> None:
        try:
            known, fresh = go_on_at(consumer, self._at, places, self._wish.start, self._asked)
        except CandlewickError:
            # Else the library assigns by itself, and what has no offset yet counts as removed.
            consumer.assign([])
            self._again = True
            raise
        self._read(known + fresh)
        if fresh:  # committed soon, or whoever has the partition next would begin elsewhere
            consumer.store_offsets(offsets=[place for place, _ in fresh])

    def _read(self, begun: list[Begun]) -> None:
        self._so_far.begin(place for place, _ in begun)
        self._consumer.assign([place for place, _ in begun])
        self._ends = {place.partition: end for place, end in begun}
        self._ended = {place.partition for place, end in begun if place.offset >= end}
        self._is_assigned = True

    def _revoked(self, consumer: Consumer, _: list[TopicPartition]) -> None:
        if consumer is self._consumer:  # not one that leaves later than it was waited for
            self._is_assigned = False
            self._so_far.begin(())

    def _is_wanted(self, message: Message) -> bool:
        error, partition = message.error(), message.partition() or 0
        if error is not None:
            self._explain(error, partition)
            return False
        self._last = message
        self._so_far.passed(message)
        if (message.offset() or 0) + 1 >= self._ends.get(partition, math.inf):
            self._ended.add(partition)
        keys = self._wish.keys
        if not self._wish.replayed and is_replayed(headers_of(message)):
            return False
        return message.value() is not None and (not keys or message.key() in keys)

    def _explain(self, error: KafkaError, partition: int) -> None:
        if error.code() == PARTITION_END:  # the last records may have been removed meanwhile
            self._ended.add(partition)
        elif error.code() == TOO_SLOW:  # the next poll joins again
            _log.warning(
                "subscription_too_slow",
                "nothing was asked for in five minutes, so the group went on without this member; "
                "it joins again, and the last record may come again",
            )
        elif not error.retriable():
            raise refused(error, self._at)

    def _decoded(self, message: Message) -> RecordT:
        raw = message.value() or b""
        place = f"{self._wish.topic.name} partition {message.partition()} offset {message.offset()}"
        try:
            return record_in(self._record, message)
        except PoisonMessage as error:
            raise PoisonMessage(
                f"{place}: {error}; the next call skips this record", raw=raw
            ) from error
        except ContractMismatch as error:
            raise ContractMismatch(f"{place}: {error}") from error

    def _count_as_read(self) -> None:
        message, self._last = self._last, None
        if message is None or self._wish.group is None:
            return
        try:
            self._consumer.store_offsets(message)
        except KafkaException as error:
            if error.args[0].code() != KafkaError._STATE:  # noqa: SLF001 - so named
                raise Transient(f"Kafka stored no offset: {error.args[0].str()}") from error
            _log.info(
                "subscription_partition_moved",
                "the partition moved to another member of the group, which reads it again",
            )
