"""Tells a gap in the topic from a state that is older than the position in the topic. Pure.

After a crash the committed offset may have passed records that the recovered state never saw.
Their ids then look like a gap. The cure is to read again from the offset that the state knows: a
jump that is still there after that is in the topic itself.
"""

from dataclasses import dataclass
from enum import Enum, auto

SEEK_SPACING_S = 1.0


class Verdict(Enum):
    """What to do with a message whose ids jump against the state."""

    REAL_GAP = auto()
    READ_AGAIN = auto()  # seek to the offset that the state knows, and skip the message
    WAIT = auto()  # the seek was asked for and has not taken yet: skip the message


@dataclass(slots=True)
class _Run:
    """Offsets of one partition read one by one, without a jump: ``start`` to ``last``."""

    start: int
    last: int
    sought: int | None = None
    sought_s: float = 0.0


class Healer:
    """Follows the offsets of each partition that is read."""

    def __init__(self) -> None:
        self._runs: dict[int, _Run] = {}

    def saw(self, partition: int, offset: int) -> None:
        """Take note of a message, before anything is decided about it."""
        run = self._runs.get(partition)
        if run is None:
            self._runs[partition] = _Run(offset, offset)
        elif offset == run.last + 1:
            run.last = offset
        else:
            self._runs[partition] = self._new_run(run, offset)

    def judge(self, partition: int, *, state_offset: int, now_s: float) -> Verdict:
        """Decide about the message last seen, whose ids jump.

        Args:
            partition: Where it was seen.
            state_offset: Offset of the last message that the state holds, -1 without a state.
            now_s: A monotonic clock's reading, in seconds.
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
        """Start afresh: partitions were assigned anew."""
        self._runs.clear()

    @staticmethod
    def _new_run(run: _Run, offset: int) -> _Run:
        went_back = offset <= run.last
        if went_back and run.sought is not None:
            # The oldest record that retention has left answers a seek to an older one.
            return _Run(min(offset, run.sought), offset)
        return _Run(offset, offset, run.sought, run.sought_s)
