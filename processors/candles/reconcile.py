"""Distinguishes a gap in the topic from a state that is older than the committed offset. Pure.

After a crash the committed offset may have passed records that the recovered state never saw.
Their ids then look like a gap. The cure is to read again from the state's own offset: a jump that
is still there afterwards is a gap in the topic itself.
"""

from dataclasses import dataclass
from enum import Enum, auto

from schemas.timeframe import DAY_MS

SEEK_SPACING_S = 1.0
_AWAY_MS = DAY_MS  # a lost end of the table is seconds long, or minutes where a backlog was read


class Verdict(Enum):
    """How to treat a message whose ids jump ahead of the state."""

    REAL_GAP = auto()
    READ_AGAIN = auto()  # seek to the state's own offset, and skip the message
    WAIT = auto()  # a seek was requested and has not taken effect yet: skip the message


@dataclass(slots=True)
class _Run:
    """Consecutive offsets read from one partition, from ``start`` to ``last``."""

    start: int
    last: int


class Healer:
    """Tracks the offsets read from each partition."""

    def __init__(self) -> None:
        self._runs: dict[int, _Run] = {}
        self._sought_s: dict[int, float] = {}
        self._oldest: dict[int, int] = {}
        self._recovered_ms: dict[int, int] = {}
        self._newest_ms: dict[int, int] = {}

    def saw(self, partition: int, offset: int) -> None:
        """Record the offset of a message; call this before `judge`."""
        run = self._runs.get(partition)
        if run is not None and offset == run.last + 1:
            run.last = offset
            return
        if run is not None and offset <= run.last:
            self._sought_s.pop(partition, None)  # the seek has taken effect
        self._runs[partition] = _Run(offset, offset)

    def judge(self, partition: int, *, state_offset: int, now_s: float) -> Verdict:
        """Decide about the partition's newest message, whose ids jump.

        Args:
            partition: Partition of the message.
            state_offset: Offset of the last message folded into the state, -1 without a state.
            now_s: Time of a monotonic clock, in seconds.
        """
        if self._runs[partition].start <= max(state_offset + 1, self._oldest.get(partition, 0)):
            return Verdict.REAL_GAP
        sought_s = self._sought_s.get(partition)
        if sought_s is not None and now_s - sought_s < SEEK_SPACING_S:
            return Verdict.WAIT
        self._sought_s[partition] = now_s
        return Verdict.READ_AGAIN

    def holds_from(self, partition: int, offset: int) -> None:
        """Record the oldest offset that Kafka still has; nothing before it can be read again."""
        self._oldest[partition] = offset

    def recovered(self, partition: int, seen_ms: int) -> None:
        """Take note of a state that the table had at the assignment.

        Args:
            partition: Partition of its symbol's messages.
            seen_ms: When the newest block in it was received.
        """
        self._recovered_ms[partition] = max(seen_ms, self._recovered_ms.get(partition, 0))
        self.folded(partition, seen_ms)

    def folded(self, partition: int, received_ms: int) -> None:
        """Take note of when a block of a partition was received that is in a state now."""
        self._newest_ms[partition] = max(received_ms, self._newest_ms.get(partition, 0))

    def was_away(self, partition: int, seen_ms: int) -> bool:
        """Return whether a symbol was not followed while others of its partition were.

        States are stored before an offset is committed. So where the table has others, one that has
        no state is new, and one whose state is days older had been removed: there is nothing to
        read again, and it would hold up all others of the partition. A symbol that is followed has
        a block in every minute, also where nothing is traded.

        Args:
            partition: Partition of the symbol's messages.
            seen_ms: When the newest block in its state was received, 0 without a state.
        """
        # Without a state its own may be lost: blocks of others since do not say that it is new.
        newest_ms = self._newest_ms if seen_ms else self._recovered_ms
        return newest_ms.get(partition, 0) - seen_ms > _AWAY_MS

    def forget(self) -> None:
        """Forget all offsets after a new assignment."""
        self._runs.clear()
        self._sought_s.clear()
        self._oldest.clear()
        self._recovered_ms.clear()
        self._newest_ms.clear()
