"""The loop that copies topics into tables: read, plan a batch, insert it, commit, continue.

A failed step is repeated from the plan; the token makes that harmless. What failed comes last the
next time, and a record that only a newer version can read stops its partition: all others continue.
"""

import time
from collections import deque
from collections.abc import Callable
from typing import Protocol, cast

from confluent_kafka import Consumer, Message, TopicPartition

from clients.kafka.commits import Commits
from clients.kafka.errors import meaning
from clients.limits import within
from clients.watching.log import EventLog
from clients.watching.metrics import RETRIES
from schemas.errors import ContractMismatch, PoisonMessage, RestartNeeded, Transient
from schemas.topics import Cleanup
from sinks.batches import Batch, Pending, plan_of, planned_last
from sinks.delivery import Delivery
from sinks.pauses import Pauses, is_much
from sinks.positions import committed_of, forget_lost_plan
from sinks.tables import Rows, Table

POLL_S = 0.05
POLL_MESSAGES = 100
POLL_SMALL = 2_000  # while messages are small
SMALL_BYTES = 512 * 1024
WORTH_TOGETHER = 32
CLOSE_S = 10.0
# A new leader knows the end of its log sooner, and `STALL_S` of `sinks.__main__` is longer: a wait
# for a batch that is planned is no attempt.
PLAN_MS = 20_000
HELD_UP_MS = 5_000  # a round takes a fraction of a second, but for a delivery
ATTEMPT_MS = 60_000  # then what is delivered is committed, and Kafka is polled
KEPT_TROUBLES = 100  # each told once: partitions that fail in turn say different things
_log = EventLog(__name__)
_Place = tuple[str, int]


class Route(Protocol):
    """Factory of the `Delivery` of a partition."""

    def __call__(self, table: Table, *, partition: int) -> Delivery:
        """Return the delivery of one partition of the table's topic."""


class Drain:
    """Copies the topics of some tables into ClickHouse.

    Attributes:
        attempted: Called when records were read, and when a delivery has ended or failed.
        is_delivering: Whether a delivery is running; each of its calls has a time limit.
    """

    def __init__(
        self,
        consumer: Consumer,
        tables: tuple[Table, ...],
        route: Route,
    ) -> None:
        """Set up the loop.

        Args:
            consumer: The consumer; `run` subscribes it, and closes it at the end.
            tables: The tables to fill.
            route: Makes the delivery of a partition.
        """
        self._consumer = consumer
        self._commits = Commits(consumer)
        self.attempted: Callable[[], None] = lambda: None
        self.is_delivering = False
        self._tables = {table.topic.name: table for table in tables}
        self._order = {name: number for number, name in enumerate(self._tables)}
        self._failed_ms: dict[str, int] = {}
        self._not_reached: set[_Place] = set()
        self._route = route
        self._pending: dict[_Place, Pending] = {}
        self._pauses = Pauses(consumer)
        self._retry_ms = self._polled_ms = 0
        self._appetite = POLL_MESSAGES
        self._behind = False
        self._troubles: deque[str] = deque(maxlen=KEPT_TROUBLES)

    def standing(self) -> set[_Place]:
        """Return the partitions that are stopped because a newer version wrote a record there."""
        return set(self._pauses.stopped)

    def read_to(self) -> dict[_Place, int]:
        """Return the newest offset read of each partition whose turn has come; from any thread."""
        if self._behind or _now_ms() - self._polled_ms >= HELD_UP_MS:
            return {}  # what others have brought is taken first
        return self._pauses.read_to([*self._pending.items()])

    def run(self, stopping: Callable[[], bool]) -> None:
        """Drain until ``stopping`` returns true, then insert the records already read.

        Raises:
            ContractMismatch: A table belongs to another version.
            ConfigurationError: A topic is missing, or a login is refused.
            RestartNeeded: The consumer was shut out of its group, or Kafka does not tell what was
                committed.
        """
        self._consumer.subscribe(
            list(self._tables),
            on_assign=self._assigned,
            on_revoke=self._released,
            on_lost=self._released,
        )
        try:
            while not stopping():
                self._step(_now_ms())
            self._attempt(_now_ms(), everything=True)
        finally:
            self._close()

    def _step(self, now_ms: int) -> None:
        messages, self._polled_ms = self._consumer.consume(self._appetite, POLL_S), now_ms
        self._behind = len(messages) == self._appetite
        if messages:
            self.attempted()
        size = 0
        for place, (offsets, kept) in self._by_place(messages).items():
            if place not in self._pauses.stopped and place in self._pending:
                batch = self._read(place, offsets, kept)
                if batch:
                    self._pending[place].add(batch, now_ms=now_ms)
                    size += sum(len(message.value() or b"") for message in kept)
        self._appetite = POLL_SMALL if size < SMALL_BYTES else POLL_MESSAGES
        if now_ms >= self._retry_ms:
            self._attempt(now_ms, everything=is_much(self._pending.values()))
        self._pauses.hold_back(self._pending)

    def _by_place(self, messages: list[Message]) -> dict[_Place, tuple[list[int], list[Message]]]:
        """Sort messages by partition; where offsets go back, only those from there on remain.

        Raises:
            RestartNeeded: This consumer was shut out of its group.
            ConfigurationError: A topic is missing.
        """
        found: dict[_Place, tuple[list[int], list[Message]]] = {}
        for message in messages:
            error, topic = message.error(), message.topic()
            partition, offset = message.partition(), message.offset()
            if error is not None:
                cause = meaning(error, topic=topic or "")
                if not isinstance(cause, Transient):
                    raise cause
                self._report(cause)
            elif topic is not None and partition is not None and offset is not None:
                offsets, kept = found.setdefault((topic, partition), ([], []))
                if offsets and offset <= offsets[-1]:
                    offsets.clear()
                    kept.clear()
                offsets.append(offset)
                kept.append(message)
        return found

    def _read(self, place: _Place, offsets: list[int], messages: list[Message]) -> Batch:
        """Convert messages to rows, up to the first that only a newer version can read."""
        table = self._tables[place[0]]
        rows: list[bytes | None] = [None] * len(messages)
        if table.read_many is not None and len(messages) >= WORTH_TOGETHER:
            rows = table.read_many(messages)
        if all(rows):
            return Batch(offsets, [*messages], cast("list[bytes]", rows), [1] * len(rows))
        batch = Batch()
        for offset, message, row in zip(offsets, messages, rows, strict=True):
            try:
                batch.append(offset, message, table.read(message) if row is None else Rows(row, 1))
            except PoisonMessage as error:
                batch.bury(offset, message, str(error))
            except ContractMismatch as mismatch:
                self._stop(place, offset, mismatch)
                break
        return batch

    def _stop(self, place: _Place, offset: int, why: ContractMismatch) -> None:
        topic, partition = place
        _log.error(
            "partition_stopped",
            "{topic} [{partition}] stands still at offset {offset}: {reason}",
            topic=topic,
            partition=partition,
            offset=offset,
            reason=why,
        )
        self._pauses.stop(place)

    def _attempt(self, now_ms: int, *, everything: bool = False) -> None:
        batches = self._cut(now_ms, everything=everything)
        if not batches:
            return
        self.is_delivering = True
        try:
            self._deliver(batches, now_ms)
        except Transient as error:
            RETRIES.labels("delivery").inc()
            self._report(error)
            self._retry_ms = now_ms + int(error.retry_after_s * 1000)
        self.is_delivering = False
        self.attempted()

    def _cut(self, now_ms: int, *, everything: bool) -> dict[_Place, Batch]:
        batches = {}
        for place in sorted(self._pending, key=self._turn):
            pending = self._pending[place]
            linger_ms = 0 if everything else self._linger_ms(self._tables[place[0]])
            if pending.due(now_ms=now_ms, linger_ms=linger_ms):
                batch = pending.cut()
                if batch is not None:
                    batches[place] = batch
                elif now_ms - pending.since_ms >= PLAN_MS:
                    pending.since_ms = now_ms
                    forget_lost_plan(self._consumer, place, pending)
        return batches

    def _turn(self, place: _Place) -> tuple[bool, int, int, int]:
        # What cannot be written, or lasts, ends each attempt: nothing may stand behind it for ever.
        topic, _ = place
        is_new = place not in self._not_reached
        failed_ms = self._failed_ms.get(topic, 0)
        return is_new, failed_ms, self._order[topic], self._pending[place].failed_ms

    def _linger_ms(self, table: Table) -> int:
        return table.backlog_linger_ms or table.linger_ms if self._behind else table.linger_ms

    def _deliver(self, batches: dict[_Place, Batch], now_ms: int) -> None:
        self._commit({place: (b.first, plan_of(b)) for place, b in batches.items()})
        delivered: dict[_Place, Batch] = {}
        ends_ms, self._not_reached = _now_ms() + ATTEMPT_MS, set()
        try:
            for place, batch in batches.items():
                self._deliver_one(place, batch, now_ms)
                delivered[place] = batch
                if _now_ms() >= ends_ms:
                    self._not_reached = batches.keys() - delivered.keys()
                    break
        finally:
            self._commit({place: (b.last + 1, "") for place, b in delivered.items()})
            for place, batch in delivered.items():
                self._pending[place].done(batch, now_ms=now_ms)
        if not self._not_reached:
            self._recovered()

    def _deliver_one(self, place: _Place, batch: Batch, now_ms: int) -> None:
        topic, partition = place
        try:
            self._route(self._tables[topic], partition=partition).deliver(batch)
        except Transient:
            self._failed_ms[topic] = self._pending[place].failed_ms = now_ms
            raise

    def _commit(self, offsets: dict[_Place, tuple[int, str]]) -> None:
        if offsets:
            self._commits.commit(
                [TopicPartition(*place, offset, text) for place, (offset, text) in offsets.items()]
            )

    def _close(self) -> None:
        try:
            within(CLOSE_S, "Kafka (leaving the group)", self._consumer.close)
        except Transient as error:
            raise RestartNeeded(str(error)) from error

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        for committed in committed_of(consumer, partitions):
            place = (committed.topic, committed.partition)
            self._pending[place] = Pending(
                planned=planned_last(committed.metadata),
                is_whole=self._tables[committed.topic].topic.cleanup is Cleanup.DELETE,
                expected=committed.offset if committed.offset >= 0 else None,
                read_to=max(committed.offset, 0) - 1,
            )

    def _released(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        consumer.resume(partitions)  # else one that comes back to this client is still paused
        places = [(partition.topic, partition.partition) for partition in partitions]
        for place in places:
            self._pending.pop(place, None)
        self._pauses.forget(places)

    def _report(self, error: Transient) -> None:
        if str(error) not in self._troubles:
            _log.warning("batch_retried", "{error}; retrying", error=error)
            self._troubles.append(str(error))

    def _recovered(self) -> None:
        if self._troubles:
            newest = self._troubles[-1]
            _log.warning("batches_recovered", "recovered from: {trouble}", trouble=newest)
        self._troubles.clear()
        self._failed_ms.clear()


def _now_ms() -> int:
    return time.monotonic_ns() // 1_000_000
