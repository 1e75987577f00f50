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
    sought: int | None = None
    sought_s: float = 0.0


class Healer:
    """Tracks the offsets read from each partition."""

    def __init__(self) -> None:
        self._runs: dict[int, _Run] = {}

    def saw(self, partition: int, offset: int) -> None:
        """Record the offset of a message; call this before `judge`."""
        run = self._runs.get(partition)
        if run is None:
            self._runs[partition] = _Run(offset, offset)
        elif offset == run.last + 1:
            run.last = offset
        else:
            self._runs[partition] = self._new_run(run, offset)

    def judge(self, partition: int, *, state_offset: int, now_s: float) -> Verdict:
        """Decide about the partition's newest message, whose ids jump.

        Args:
            partition: Partition of the message.
            state_offset: Offset of the last message folded into the state, -1 without a state.
            now_s: Time of a monotonic clock, in seconds.
        """
        run = self._runs[partition]
        if run.start <= state_offset + 1:
            return Verdict.REAL_GAP
        if run.sought is not None and now_s - run.sought_s < SEEK_SPACING_S:
            return Verdict.WAIT
        run.sought = min(state_offset + 1, run.start if run.sought is None else run.sought)
        run.sought_s = now_s
        return Verdict.READ_AGAIN

    def forget(self) -> None:
        """Forget all offsets after a new assignment."""
        self._runs.clear()

    @staticmethod
    def _new_run(run: _Run, offset: int) -> _Run:
        went_back = offset <= run.last
        if went_back and run.sought is not None:
            # Kafka answers a seek to a deleted record with the oldest one it still has.
            return _Run(min(offset, run.sought), offset)
        return _Run(offset, offset, run.sought, run.sought_s)
