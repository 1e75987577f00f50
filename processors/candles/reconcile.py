"""Distinguishes a gap in the topic from a state that is older than the committed offset. Pure.

After a crash the committed offset may have passed records that the recovered state never saw.
Their ids then look like a gap. The cure is to read again from the state's own offset: a jump that
is still there afterwards is a gap in the topic itself.
"""

from dataclasses import dataclass
from enum import Enum, auto

SEEK_SPACING_S = 1.0


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

    def forget(self) -> None:
        """Forget all offsets after a new assignment."""
        self._runs.clear()
        self._sought_s.clear()
        self._oldest.clear()
