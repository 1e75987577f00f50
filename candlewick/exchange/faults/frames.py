"""The faults of streams, applied to the frames of one connection."""

import heapq
from collections import Counter
from itertools import count
from typing import TYPE_CHECKING

from candlewick.exchange.faults.active import ActiveFaults, Armed, strikes
from candlewick.exchange.faults.contradicting import of_the_same_id, with_the_trade_before
from candlewick.exchange.faults.faults import (
    Ahead,
    Contradict,
    Delay,
    Drop,
    Duplicate,
    Malformed,
    OnFrames,
    Reorder,
)
from candlewick.exchange.faults.untimely import stranger, untimely
from candlewick.exchange.streams.feed import Frame

if TYPE_CHECKING:
    from candlewick.exchange.streams.names import Topic

_Waiting = tuple[int, int, Frame, str]


class Distortion:
    """Drops, duplicates, delays, swaps and corrupts frames; each connection has its own."""

    def __init__(self, arsenal: ActiveFaults) -> None:
        self._arsenal = arsenal
        self._waiting: list[_Waiting] = []
        self._swapped: dict[Topic, tuple[Frame, str]] = {}
        self._hits: Counter[int] = Counter()
        self._order = count()

    def idle(self) -> bool:
        """Return whether frames pass unchanged."""
        return not (self._waiting or self._swapped or self._arsenal.all())

    def passed(self, frames: list[Frame], upto_ms: int, ordinal: int) -> list[tuple[Frame, str]]:
        """Return the frames that leave by `upto_ms`, each with its kind of corruption or ""."""
        for frame in frames:
            self._enter(self._changed(frame, ordinal), ordinal)
        leaving = []
        while self._waiting and self._waiting[0][0] <= upto_ms:
            _, _, frame, how = heapq.heappop(self._waiting)
            leaving.append((frame, how))
        return leaving

    def _enter(self, frame: Frame, ordinal: int) -> None:
        release_ms, sent, how = frame.event_ms, [frame], ""
        swap = False
        for armed, fault in self._arsenal.of(OnFrames):
            if _changes(fault) or not self._hit(armed, fault, frame, ordinal):
                continue
            match fault:
                case Drop():
                    return
                case Duplicate() | Contradict():
                    sent += [frame] if isinstance(fault, Duplicate) else of_the_same_id(frame)
                case Delay():
                    release_ms += fault.delay_ms
                case Reorder():
                    swap = True
                case Malformed():
                    how = fault.how
        if swap and frame.topic not in self._swapped:
            self._swapped[frame.topic] = (frame, how)
            return
        held = self._swapped.pop(frame.topic, None)
        # Here and not when a frame leaves: of a batch, an earlier one may leave first.
        self._wait(release_ms, *((one, how) for one in sent), *([] if held is None else [held]))

    def _wait(self, release_ms: int, *frames: tuple[Frame, str]) -> None:
        for frame, how in frames:
            heapq.heappush(self._waiting, (release_ms, next(self._order), frame, how))

    def _changed(self, frame: Frame, ordinal: int) -> Frame:
        for armed, fault in self._arsenal.of(OnFrames):
            if not _changes(fault) or not self._hit(armed, fault, frame, ordinal):
                continue
            if isinstance(fault, Contradict):
                frame = with_the_trade_before(frame)
            elif isinstance(fault, Ahead) and fault.what == "unknown":
                beside = stranger(frame, by_ms=fault.by)
                heapq.heappush(self._waiting, (frame.event_ms, next(self._order), beside, ""))
            elif isinstance(fault, Ahead):
                frame = untimely(frame, fault)
        return frame

    def _hit(self, armed: Armed, fault: OnFrames, frame: Frame, ordinal: int) -> bool:
        if fault.count is not None and self._hits[armed.number] >= fault.count:
            return False
        if not strikes(armed, fault, frame, ordinal):
            return False
        self._hits[armed.number] += 1
        armed.hits += 1
        return True


def _changes(fault: OnFrames) -> bool:
    return isinstance(fault, Ahead) or (isinstance(fault, Contradict) and fault.how == "same-trade")


def spoilt(message: str, how: str) -> str:
    """Return a message, corrupted in the way that `how` names; unchanged if it is empty."""
    if not how:
        return message
    if how == "not-json":
        return "\ufffd\x00 not json"
    if how == "missing-field":
        return message.replace('"T":', '"x":').replace('"k":', '"x":')
    if how == "bad-number":
        return message.replace('"p":"', '"p":"abc').replace('"o":"', '"o":"abc')
    return message[: len(message) // 2]
