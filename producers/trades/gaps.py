"""Holes in the trades, and the given-up holes that are tried again later. Pure."""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import count, takewhile
from typing import Final

from schemas.market import JITTER_MS, Gap, GapState, Trade

MAX_GIVEN_UP: Final = 100
FEW_TRADES: Final = 100_000  # they are asked for however old they are: a hundred requests
TOO_LONG_AGO: Final = "too long ago to be fetched: the exchange's own candles tell of that time"


def is_too_much(missing: int, span_ms: int, longest_ms: int) -> bool:
    """Return whether so many trades of so long a time are not worth asking for."""
    return missing > FEW_TRADES and span_ms > longest_ms


@dataclass(slots=True)
class Hole:
    """Missing trades ``[first_id, last_id]`` of a symbol; some may have been filled already.

    Attributes:
        after_ms: Event time of the last trade before it; -1 when unknown.
        before_ms: Event time of the first trade after it; -1 when unknown.
        noticed_ms: Steady time at which it was noticed.
        progress_ms: Steady time at which it was noticed, or a part of it was last filled.
        silent: True to publish an event only if it is given up.
        found: Whether its event has been published.
        is_unknown: Whether REST has no trade from the first missing one on.
    """

    symbol: str
    first_id: int
    last_id: int
    after_ms: int
    before_ms: int
    noticed_ms: int
    progress_ms: int
    reason: str
    silent: bool = False
    found: bool = False
    is_unknown: bool = False
    era: int = 0

    def is_too_old(self, longest_ms: int) -> bool:
        """Return whether it is not worth asking for, because so much was traded in so long a time.

        Args:
            longest_ms: Event time from the trade before it to the one after it.
        """
        is_known = min(self.before_ms, self.after_ms) >= 0
        missing, span_ms = self.last_id - self.first_id + 1, self.before_ms - self.after_ms
        return is_known and is_too_much(missing, span_ms, longest_ms)

    def allows(self, trade: Trade) -> bool:
        """Check whether a trade's time lies between those around the hole, as far as known."""
        is_early = trade.event_ms < self.after_ms - JITTER_MS
        return not (is_early or 0 <= self.before_ms < trade.event_ms - JITTER_MS)

    def cut_before(self, first: Trade, now_ms: int) -> Gap:
        """Build the event by which the trades before one are given up, because they are too old."""
        # What was told as found keeps its bounds: they are its name.
        last_id = self.last_id if self.found else first.agg_id - 1
        cut = replace(self, last_id=last_id, before_ms=first.event_ms)
        return cut.event(GapState.GIVEN_UP, now_ms, TOO_LONG_AGO)

    def event(self, state: GapState, now_ms: int, reason: str) -> Gap:
        """Build the event for the hole's change to a state."""
        return Gap(
            symbol=self.symbol,
            first_agg_id=self.first_id,
            last_agg_id=self.last_id,
            after_ms=self.after_ms,
            before_ms=self.before_ms,
            state=state.value,
            noticed_ms=self.noticed_ms,
            changed_ms=now_ms,
            reason=reason,
            era=self.era,
        )


def hole_of(gap: Gap, now_ms: int) -> Hole:
    """Rebuild the hole of a gap that an earlier run reported."""
    return Hole(
        symbol=gap.symbol,
        first_id=gap.first_agg_id,
        last_id=gap.last_agg_id,
        after_ms=gap.after_ms,
        before_ms=gap.before_ms,
        noticed_ms=gap.noticed_ms,
        progress_ms=now_ms,
        reason=gap.reason,
        found=True,
        era=gap.era,
    )


def missing_in(gap: Gap, held: Iterable[tuple[int, int]]) -> deque[tuple[int, int]]:
    """Return the runs of ids of a gap that are in none of the held ranges ``[first, next)``."""
    missing: deque[tuple[int, int]] = deque()
    at = gap.first_agg_id
    for first_id, next_id in sorted(held):
        if first_id > gap.last_agg_id:
            break
        if first_id > at:
            missing.append((at, first_id - 1))
        at = max(at, next_id)
    if at <= gap.last_agg_id:
        missing.append((at, gap.last_agg_id))
    return missing


@dataclass(slots=True)
class GivenUp:
    """A hole that was not filled in time, and the runs of its ids that are still missing."""

    hole: Hole
    missing: deque[tuple[int, int]] = field(default_factory=deque)


class LateFill:
    """The newest hundred given-up holes; the oldest is tried first.

    Holes that are too old, as `Hole.is_too_old` says, are left as they are.
    """

    def __init__(self, longest_ms: int) -> None:
        self._longest_ms = longest_ms
        self._holes: deque[GivenUp] = deque(maxlen=MAX_GIVEN_UP)

    def __len__(self) -> int:
        return len(self._holes)

    def add(self, *given_up: GivenUp) -> None:
        """Store holes for a later try, if ids are missing in them."""
        wanted = (one for one in given_up if one.missing)
        self._holes += (one for one in wanted if not one.hole.is_too_old(self._longest_ms))

    def holds(self, gap: Gap) -> bool:
        """Check whether a stored hole overlaps with a gap."""
        return any(
            one.hole.first_id <= gap.last_agg_id and gap.first_agg_id <= one.hole.last_id
            for one in self._holes
        )

    def lacks(self, agg_id: int) -> bool:
        """Check whether a trade was given up and has not come since."""
        return any(first <= agg_id <= last for one in self._holes for first, last in one.missing)

    @property
    def wanted(self) -> int:
        """Id to request from REST next."""
        return self._holes[0].missing[0][0]

    def run_of(self, trades: Sequence[Trade]) -> list[Trade]:
        """Return the trades from REST that fill the oldest hole from its start, without a jump.

        One of another time than the hole's is of another era: none is taken from it on.
        """
        hole, (first_id, last_id) = self._holes[0].hole, self._holes[0].missing[0]
        known = {t.agg_id: t for t in trades if t.agg_id <= last_id and hole.allows(t)}
        return [known[i] for i in takewhile(known.__contains__, count(first_id))]

    def published(self, run_length: int, now_ms: int) -> Gap | None:
        """Count published trades of the run; returns the event once the hole is filled."""
        oldest = self._holes[0]
        first_id, last_id = oldest.missing[0]
        if first_id + run_length <= last_id:
            oldest.missing[0] = (first_id + run_length, last_id)
            return None
        oldest.missing.popleft()
        if oldest.missing:
            return None
        self._holes.popleft()
        return oldest.hole.event(GapState.REPAIRED, now_ms, "filled late")

    def put_off(self) -> None:
        """Move the oldest hole to the end, so that the next one is tried."""
        self._holes.rotate(-1)


def inherited(
    gaps: Iterable[Gap], held: Sequence[tuple[int, int]], now_ms: int
) -> tuple[list[GivenUp], list[Gap]]:
    """Tell the gaps of earlier runs that are tried again from those that end by themselves.

    The latter end once all trades up to their last id are published.
    """
    given_up, ended = [], []
    for gap in gaps:
        missing = missing_in(gap, held) if gap.state == GapState.GIVEN_UP else None
        if missing:
            given_up.append(GivenUp(hole_of(gap, now_ms), missing))
        else:
            ended.append(gap)
    return given_up, ended
