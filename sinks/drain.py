"""The loop that empties topics into tables: read, plan a batch, insert it, commit, go on.

Whatever fails is done again from the plan; the token makes that harmless.
"""

import logging
import time
from collections.abc import Callable
from typing import Protocol, cast

from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from schemas.errors import ContractMismatch, PoisonMessage, Transient
from schemas.topics import Cleanup
from sinks.batches import Batch, Pending, plan_of, planned_last
from sinks.delivery import Delivery
from sinks.kafka import meaning
from sinks.tables import Rows, Table

POLL_S = 0.05
POLL_MESSAGES = 100
POLL_SMALL = 2_000  # while messages are small
SMALL_BYTES = 512 * 1024
WORTH_TOGETHER = 32
HELD_BYTES = 64 * 1024 * 1024  # of all partitions together, before what there is goes out
COMMITTED_TIMEOUT_S = 10.0
_log = logging.getLogger(__name__)
_Place = tuple[str, int]


class Route(Protocol):
    """Makes the way of a partition's batches."""

    def __call__(self, table: Table, *, partition: int) -> Delivery:
        """Return the way of the batches of one partition of the table's topic."""


class Drain:
    """Empties the topics of some tables into ClickHouse."""

    def __init__(
        self,
        consumer: Consumer,
        tables: tuple[Table, ...],
        route: Route,
    ) -> None:
        self._consumer = consumer
        self._tables = {table.topic.name: table for table in tables}
        self._route = route
        self._pending: dict[_Place, Pending] = {}
        self._paused: set[_Place] = set()
        self._mismatch: ContractMismatch | None = None
        self._retry_ms = 0
        self._appetite = POLL_MESSAGES
        self._behind = False
        self._trouble = ""

    def run(self, stopping: Callable[[], bool]) -> None:
        """Drain until told to stop, then insert what has been read.

        Raises:
            ContractMismatch: A message or a table is of another version; all before it is stored.
            ConfigurationError: A topic is missing, or a login refused.
        """
        self._consumer.subscribe(
            list(self._tables),
            on_assign=self._assigned,
            on_revoke=self._released,
            on_lost=self._released,
        )
        try:
            while not stopping() and self._mismatch is None:
                self._step(_now_ms())
            self._attempt(_now_ms(), everything=True)
        finally:
            self._consumer.close()
        if self._mismatch is not None:
            raise self._mismatch

    def _step(self, now_ms: int) -> None:
        messages = self._consumer.consume(self._appetite, POLL_S)
        self._behind = len(messages) == self._appetite
        size = 0
        for place, (offsets, raws) in self._by_place(messages).items():
            if self._mismatch is None and place in self._pending:
                batch = self._read(place, offsets, raws)
                if batch:
                    self._pending[place].add(batch, now_ms=now_ms)
                    size += sum(map(len, raws))
        self._appetite = POLL_SMALL if size < SMALL_BYTES else POLL_MESSAGES
        if now_ms >= self._retry_ms:
            held = sum(pending.size for pending in self._pending.values())
            self._attempt(now_ms, everything=held >= HELD_BYTES)
        self._hold_back()

    def _by_place(self, messages: list[Message]) -> dict[_Place, tuple[list[int], list[bytes]]]:
        """Return offsets and values of each partition; reading that starts again forgets."""
        found: dict[_Place, tuple[list[int], list[bytes]]] = {}
        for message in messages:
            error, topic = message.error(), message.topic()
            partition, offset = message.partition(), message.offset()
            if error is not None:
                self._report(meaning(KafkaException(error), topic=topic or ""))
            elif topic is not None and partition is not None and offset is not None:
                offsets, raws = found.setdefault((topic, partition), ([], []))
                if offsets and offset <= offsets[-1]:
                    offsets.clear()
                    raws.clear()
                offsets.append(offset)
                raws.append(message.value() or b"")
        return found

    def _read(self, place: _Place, offsets: list[int], raws: list[bytes]) -> Batch:
        """Return the messages with their rows, up to one of another version."""
        table = self._tables[place[0]]
        rows: list[bytes | None] = [None] * len(raws)
        if table.read_many is not None and len(raws) >= WORTH_TOGETHER:
            rows = table.read_many(raws)
        if all(rows):
            return Batch(offsets, raws, cast("list[bytes]", rows), [1] * len(rows))
        batch = Batch()
        for offset, raw, row in zip(offsets, raws, rows, strict=True):
            try:
                batch.append(offset, raw, table.read(raw) if row is None else Rows(row, 1))
            except PoisonMessage as error:
                batch.bury(offset, raw, str(error))
            except ContractMismatch as mismatch:
                text = f"{place[0]} [{place[1]}] @ {offset}: {mismatch}"
                self._mismatch = ContractMismatch(text)
                break
        return batch

    def _attempt(self, now_ms: int, *, everything: bool = False) -> None:
        try:
            self._deliver(self._cut(now_ms, everything=everything), now_ms)
        except Transient as error:
            self._report(error)
            self._retry_ms = now_ms + int(error.retry_after_s * 1000)

    def _cut(self, now_ms: int, *, everything: bool) -> dict[_Place, Batch]:
        batches = {}
        for name, table in self._tables.items():
            for place, pending in self._pending.items():
                linger_ms = 0 if everything else self._linger_ms(table)
                if place[0] == name and pending.due(now_ms=now_ms, linger_ms=linger_ms):
                    batch = pending.cut()
                    if batch is not None:
                        batches[place] = batch
        return batches

    def _linger_ms(self, table: Table) -> int:
        return table.backlog_linger_ms or table.linger_ms if self._behind else table.linger_ms

    def _deliver(self, batches: dict[_Place, Batch], now_ms: int) -> None:
        if not batches:
            return
        self._commit({place: (b.first, plan_of(b)) for place, b in batches.items()})
        delivered: dict[_Place, Batch] = {}
        try:
            for (topic, partition), batch in batches.items():
                self._route(self._tables[topic], partition=partition).deliver(batch)
                delivered[topic, partition] = batch
        finally:
            self._commit({place: (b.last + 1, "") for place, b in delivered.items()})
            for place, batch in delivered.items():
                self._pending[place].done(batch, now_ms=now_ms)
        self._recovered()

    def _commit(self, offsets: dict[_Place, tuple[int, str]]) -> None:
        if not offsets:
            return
        wanted = [TopicPartition(*place, offset, text) for place, (offset, text) in offsets.items()]
        try:
            answers = self._consumer.commit(offsets=wanted, asynchronous=False)
        except KafkaException as error:
            raise meaning(error) from error
        for answer in answers or []:
            if answer.error is not None:
                raise meaning(KafkaException(answer.error), topic=answer.topic)

    def _hold_back(self) -> None:
        full = {place for place, pending in self._pending.items() if pending.full}
        if full - self._paused:
            self._consumer.pause([TopicPartition(*place) for place in full - self._paused])
        if self._paused - full:
            self._consumer.resume([TopicPartition(*place) for place in self._paused - full])
        self._paused = full

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        try:
            offsets = consumer.committed(partitions, timeout=COMMITTED_TIMEOUT_S)
        except KafkaException as error:
            raise meaning(error) from error
        for committed in offsets:
            place = (committed.topic, committed.partition)
            whole = self._tables[committed.topic].topic.cleanup is Cleanup.DELETE
            self._pending[place] = Pending(
                planned=planned_last(committed.metadata),
                expected=committed.offset if whole and committed.offset >= 0 else None,
            )

    def _released(self, _consumer: Consumer, partitions: list[TopicPartition]) -> None:
        for partition in partitions:
            self._pending.pop((partition.topic, partition.partition), None)
            self._paused.discard((partition.topic, partition.partition))

    def _report(self, error: Transient) -> None:
        if str(error) != self._trouble:
            _log.warning("%s; trying again", error)
        self._trouble = str(error)

    def _recovered(self) -> None:
        if self._trouble:
            _log.warning("going on after: %s", self._trouble)
        self._trouble = ""


def _now_ms() -> int:
    return time.monotonic_ns() // 1_000_000
