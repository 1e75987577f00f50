"""Reproducible limits of batches, so that a batch that is sent again is the same. Pure.

Before a batch is inserted, its last offset is committed as a plan, in the metadata of the offset of
its first record. After a crash, the next process cuts its first batch by that plan and so sends the
same records under the same token, no matter how many more have arrived since.
"""

import re
from bisect import bisect_right
from dataclasses import dataclass, field

from schemas.codecs import KafkaMessage
from sinks.tables import CandleKey, Rows

BATCH_ROWS = 100_000
BATCH_BYTES = 24 * 1024 * 1024
MESSAGE_BYTES = 540  # that Python and the client hold beside the bytes of a message, measured
SOON_MS = 100  # so that records that arrive together are inserted together
_PLAN = "until "


class _NoMessage:
    """Placeholder for records that the topic has removed."""

    def key(self) -> None:
        return None

    def value(self) -> None:
        return None

    def headers(self) -> None:
        return None


NO_MESSAGE = _NoMessage()


@dataclass(slots=True)
class Batch:
    """Messages of a partition in ascending order, stored as columns because there are millions.

    Attributes:
        offsets: Offset of each message.
        messages: The messages, unchanged, for the dead letters.
        rows: Rows of each message for the table; empty for an unreadable message.
        counts: Number of rows of each message.
        reasons: Why a message is unreadable, by its offset, until its dead letter is sent.
        replaced: The candle whose earlier row a message replaces, by its offset.
        settled: Offsets of the dead letters whose trades are removed.
        unkept: The candles of ``replaced`` whose earlier rows wait to be kept; None: all of them.
        parts: What waits to be inserted, the next one last; None: the whole batch.
        is_inserted: Whether the rows are in the table, and only dead letters may be left to send.
    """

    offsets: list[int] = field(default_factory=list)
    messages: list[KafkaMessage] = field(default_factory=list)
    rows: list[bytes] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    reasons: dict[int, str] = field(default_factory=dict)
    replaced: dict[int, CandleKey] = field(default_factory=dict)
    settled: set[int] = field(default_factory=set)
    unkept: list[CandleKey] | None = None
    parts: list["Batch"] | None = None
    is_inserted: bool = False

    def __len__(self) -> int:
        return len(self.offsets)

    @property
    def first(self) -> int:
        """Offset of the first message."""
        return self.offsets[0]

    @property
    def last(self) -> int:
        """Offset of the last message."""
        return self.offsets[-1]

    @property
    def count(self) -> int:
        """Number of rows of all messages."""
        return sum(self.counts)

    @property
    def size(self) -> int:
        """Size of all messages and rows, in bytes."""
        return sum(map(len, self.rows)) + sum(len(m.value() or b"") for m in self.messages)

    def append(self, offset: int, message: KafkaMessage, rows: Rows) -> None:
        """Add a message at the end."""
        self.offsets.append(offset)
        self.messages.append(message)
        self.rows.append(rows.data)
        self.counts.append(rows.count)
        if rows.replaces is not None:
            self.replaced[offset] = rows.replaces

    def bury(self, offset: int, message: KafkaMessage, reason: str) -> None:
        """Add an unreadable message, without rows and with the reason."""
        self.append(offset, message, Rows(b"", 0))
        self.reasons[offset] = reason

    def extend(self, other: "Batch") -> None:
        """Add the messages of another batch, which must be newer, at the end."""
        self.offsets += other.offsets
        self.messages += other.messages
        self.rows += other.rows
        self.counts += other.counts
        self.reasons |= other.reasons
        self.replaced |= other.replaced

    def part(self, start: int, end: int) -> "Batch":
        """Return the messages at the positions ``[start, end)``."""
        offsets = self.offsets[start:end]
        known = set(self.reasons).intersection(offsets) if self.reasons else ()
        revised = set(self.replaced).intersection(offsets) if self.replaced else ()
        return Batch(
            offsets,
            self.messages[start:end],
            self.rows[start:end],
            self.counts[start:end],
            {offset: self.reasons[offset] for offset in known},
            {offset: self.replaced[offset] for offset in revised},
        )

    def halves(self) -> tuple["Batch", "Batch"]:
        """Return the first and second half; the same messages are always cut at the same place."""
        middle = len(self) // 2
        return self.part(0, middle), self.part(middle, len(self))

    def place_after(self, offset: int) -> int:
        """Return the position of the first message after an offset."""
        return bisect_right(self.offsets, offset)


def plan_of(batch: Batch) -> str:
    """Return the metadata that, committed at a batch's first offset, records its last one."""
    return f"{_PLAN}{batch.last}"


def planned_last(metadata: str | None) -> int | None:
    """Parse the last offset of the planned batch; None if no batch was planned."""
    found = re.fullmatch(rf"{_PLAN}([0-9]+)", metadata or "")
    return int(found[1]) if found else None


@dataclass(slots=True)
class Pending:
    """The messages of one partition that are not in ClickHouse yet.

    Attributes:
        planned: Last offset of the batch that this or an earlier process began; None without one.
        is_whole: Whether only retention makes holes in the topic, and compaction none.
        expected: Offset of the next message; None while it is unknown.
        held: The messages.
        since_ms: When the oldest message arrived, monotonic milliseconds.
        rows: Number of rows in ``held``.
        size: Size of ``held``, in bytes.
        inserted_ms: When the last batch was inserted, monotonic milliseconds.
        due_batch: The batch that was cut and is not done.
        failed_ms: When its batch could not be inserted, monotonic milliseconds; 0 if it could.
        read_to: Newest offset that was read, by whomever; -1 before the first.
    """

    planned: int | None = None
    is_whole: bool = False
    expected: int | None = None
    held: Batch = field(default_factory=Batch)
    since_ms: int = 0
    rows: int = 0
    size: int = 0
    inserted_ms: int | None = None
    due_batch: Batch | None = None
    failed_ms: int = 0
    read_to: int = -1

    def add(self, batch: Batch, *, now_ms: int) -> None:
        """Append the next messages; a batch that goes back in offsets replaces the held ones."""
        if self.held and batch.first <= self.held.last:
            self._keep(Batch())
        if not self.held:
            self.since_ms = now_ms
        if self.is_whole:
            if self.expected is not None:
                batch = _with_lost(batch, self.expected)
            self.expected = batch.last + 1
        self.read_to = batch.last
        self.held.extend(batch)
        self.rows += batch.count
        self.size += batch.size

    @property
    def full(self) -> bool:
        """Whether there are enough messages for a batch, so that reading should pause."""
        most = max(self.rows, len(self.held))  # a message without rows is a dead letter to write
        enough = most >= BATCH_ROWS or self.size >= BATCH_BYTES
        return enough and self.reaches_plan

    @property
    def memory(self) -> int:
        """About how much memory the held messages take, in bytes."""
        return self.size + len(self.held) * MESSAGE_BYTES

    @property
    def reaches_plan(self) -> bool:
        """Whether the planned batch was read to its end."""
        return self.planned is None or (bool(self.held) and self.held.last >= self.planned)

    def due(self, *, now_ms: int, linger_ms: int) -> bool:
        """Check whether a batch is full, or the last one is ``linger_ms`` old.

        A record that comes after a pause so waits for `SOON_MS` only.
        """
        if not self.held or self.full:
            return bool(self.held)
        is_over = self.inserted_ms is None or now_ms - self.inserted_ms >= linger_ms
        return is_over and now_ms - self.since_ms >= min(linger_ms, SOON_MS)

    def cut(self) -> Batch | None:
        """Return the batch to insert; the same one until `done` is called.

        None if there are no messages, or if a planned batch has not been read to its end.
        """
        if self.planned is not None and self.held and self.held.first > self.planned:
            self.planned = None
        if not self.held:
            return None
        if self.planned is None:
            self.planned = self._largest_last()
        if not self.reaches_plan:
            return None
        if self.due_batch is None:
            self.due_batch = self.held.part(0, self.held.place_after(self.planned))
        return self.due_batch

    def done(self, batch: Batch, *, now_ms: int) -> None:
        """Remove a batch that is inserted and committed."""
        self.planned = None
        self.since_ms = self.inserted_ms = now_ms
        self.failed_ms = 0
        self._keep(self.held.part(self.held.place_after(batch.last), len(self.held)))

    def _largest_last(self) -> int:
        if max(self.rows, len(self.held)) <= BATCH_ROWS and self.size <= BATCH_BYTES:
            return self.held.last
        held, rows, size = self.held, 0, 0
        for place, (offset, message, data, count) in enumerate(
            zip(held.offsets, held.messages, held.rows, held.counts, strict=True), start=1
        ):
            rows += count
            size += len(data) + len(message.value() or b"")
            if max(rows, place) >= BATCH_ROWS or size >= BATCH_BYTES:
                return offset
        return held.last

    def _keep(self, batch: Batch) -> None:
        self.held, self.rows, self.size = batch, batch.count, batch.size
        self.due_batch = None


def _with_lost(batch: Batch, expected: int) -> Batch:
    """Add an unreadable message without a value to the batch wherever messages are gone."""
    if batch.last - expected + 1 == len(batch):
        return batch
    whole = Batch()
    for place, offset in enumerate(batch.offsets):
        if offset > expected:
            whole.bury(expected, NO_MESSAGE, _lost(expected, offset - 1))
        whole.extend(batch.part(place, place + 1))
        expected = offset + 1
    return whole


def _lost(first: int, last: int) -> str:
    return (
        f"records {first} to {last} were removed by the topic's retention before they were stored: "
        "run the sinks more often, or raise the topic's retention"
    )
