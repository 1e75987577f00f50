"""Where batches begin and end, so that one that is sent again is the same batch. Pure.

Before a batch is inserted its last offset is committed as a plan, in the metadata of the offset of
its first record. Whoever reads on after a crash cuts its first batch by that plan and so sends the
same records under the same token, however many more have arrived since.
"""

import re
from dataclasses import dataclass, field

from sinks.tables import Rows

BATCH_ROWS = 100_000
BATCH_BYTES = 8 * 1024 * 1024
_PLAN = "until "


@dataclass(frozen=True, slots=True)
class Entry:
    """One message of a partition.

    Attributes:
        raw: The message as it came, for the dead letters.
        rows: What goes into the table; nothing for a message that cannot be read.
        reason: Why it cannot be read; None for one that can.
    """

    offset: int
    raw: bytes
    rows: Rows
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """Consecutive messages of a partition, at least one."""

    entries: tuple[Entry, ...]

    @property
    def first(self) -> int:
        """Offset of the first message."""
        return self.entries[0].offset

    @property
    def last(self) -> int:
        """Offset of the last message."""
        return self.entries[-1].offset

    @property
    def rows(self) -> bytes:
        """The rows of all messages."""
        return b"".join(entry.rows.data for entry in self.entries)

    @property
    def count(self) -> int:
        """How many rows there are."""
        return sum(entry.rows.count for entry in self.entries)

    def halves(self) -> tuple["Batch", "Batch"]:
        """Return the first and the second half of the messages, always cut at the same place."""
        middle = len(self.entries) // 2
        return Batch(self.entries[:middle]), Batch(self.entries[middle:])


def plan_of(batch: Batch) -> str:
    """Return the metadata that says, beside a batch's first offset, where the batch ends."""
    return f"{_PLAN}{batch.last}"


def planned_last(metadata: str | None) -> int | None:
    """Return the last offset of the planned batch; None when no batch was under way."""
    found = re.fullmatch(rf"{_PLAN}([0-9]+)", metadata or "")
    return int(found[1]) if found else None


@dataclass(slots=True)
class Pending:
    """The messages of one partition that are not in ClickHouse yet.

    Attributes:
        planned: Last offset of the batch that has been begun, by this process or one before.
        expected: Offset of the next message; None while it is unknown, or where compaction
            leaves holes.
        since_ms: When the oldest pending message came.
    """

    planned: int | None = None
    expected: int | None = None
    entries: list[Entry] = field(default_factory=list)
    since_ms: int = 0
    rows: int = 0
    size: int = 0

    def add(self, entry: Entry, *, now_ms: int) -> None:
        """Append the next message; one that is older than the newest starts all over."""
        if self.entries and entry.offset <= self.entries[-1].offset:
            self._keep([])
        if not self.entries:
            self.since_ms = now_ms
        if self.expected is not None:
            if entry.offset > self.expected:
                self._append(_lost(self.expected, entry.offset - 1))
            self.expected = entry.offset + 1
        self._append(entry)

    @property
    def full(self) -> bool:
        """Whether there is enough for a batch, so that no more should be read."""
        enough = self.rows >= BATCH_ROWS or self.size >= BATCH_BYTES
        return enough and self._reaches_plan

    def due(self, *, now_ms: int, linger_ms: int) -> bool:
        """Return whether it is time to cut a batch."""
        return bool(self.entries) and (self.full or now_ms - self.since_ms >= linger_ms)

    def cut(self) -> Batch | None:
        """Return the batch to insert; the same one again until it is `done`.

        None when there is nothing, or when a planned batch has not been read to its end.
        """
        if self.planned is not None and self.entries and self.entries[0].offset > self.planned:
            self.planned = None
        if not self.entries:
            return None
        if self.planned is None:
            self.planned = self._take_largest()
        if not self._reaches_plan:
            return None
        return Batch(tuple(e for e in self.entries if e.offset <= self.planned))

    def done(self, batch: Batch, *, now_ms: int) -> None:
        """Forget a batch that is in ClickHouse and committed."""
        self.planned = None
        self.since_ms = now_ms
        self._keep([entry for entry in self.entries if entry.offset > batch.last])

    @property
    def _reaches_plan(self) -> bool:
        return self.planned is None or self.entries[-1].offset >= self.planned

    def _take_largest(self) -> int:
        rows = size = 0
        for entry in self.entries:
            rows += entry.rows.count
            size += len(entry.rows.data) + len(entry.raw)
            if rows >= BATCH_ROWS or size >= BATCH_BYTES:
                return entry.offset
        return self.entries[-1].offset

    def _append(self, entry: Entry) -> None:
        self.entries.append(entry)
        self._count(entry)

    def _keep(self, entries: list[Entry]) -> None:
        self.entries, self.rows, self.size = entries, 0, 0
        for entry in entries:
            self._count(entry)

    def _count(self, entry: Entry) -> None:
        self.rows += entry.rows.count
        self.size += len(entry.rows.data) + len(entry.raw)


def _lost(first: int, last: int) -> Entry:
    """Return the dead letter, without a value, of messages that can never be read."""
    reason = (
        f"records {first} to {last} were removed by the topic's retention before they were stored: "
        "run the sinks more often than that, or keep the topic longer"
    )
    return Entry(first, b"", Rows(b"", 0), reason)
