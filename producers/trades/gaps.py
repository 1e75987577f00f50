"""Missing trades, and the holes that were given up and are tried again later. Pure."""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import count, takewhile
from typing import Final

from schemas.market import Gap, GapState, Trade

MAX_GIVEN_UP: Final = 100


@dataclass(slots=True)
class Hole:
    """Missing trades ``[first_id, last_id]`` of a symbol, some of which may have been filled.

    Attributes:
        after_ms: Event time of the last trade before it; -1 when unknown.
        before_ms: Event time of the first trade after it; -1 when unknown.
        noticed_ms: When it was noticed, steady time.
        progress_ms: When it was noticed, or a part of it last filled, steady time.
        silent: No event is published unless it is given up.
        found: The event has been published.
        is_unknown: REST answered that it has no trade from the first missing one on.
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

    def event(self, state: GapState, now_ms: int, reason: str) -> Gap:
        """Return the event that the hole came into this state."""
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
        )


def hole_of(gap: Gap, now_ms: int) -> Hole:
    """Return the hole of a gap that an earlier run has reported."""
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
    )


def missing_in(gap: Gap, held: Iterable[tuple[int, int]]) -> deque[tuple[int, int]]:
    """Return the runs of ids of a gap that are not in ``[first, next)`` of what is held."""
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
    """A hole that was not filled in time, and the runs of ids that are still missing in it."""

    hole: Hole
    missing: deque[tuple[int, int]] = field(default_factory=deque)


class LateFill:
    """The newest hundred holes that were given up; the oldest is tried first."""

    def __init__(self) -> None:
        self._holes: deque[GivenUp] = deque(maxlen=MAX_GIVEN_UP)

    def __len__(self) -> int:
        return len(self._holes)

    def add(self, given_up: GivenUp) -> None:
        """Remember a hole."""
        if given_up.missing:
            self._holes.append(given_up)

    def holds(self, gap: Gap) -> bool:
        """Tell whether it has a hole in common with a gap."""
        return any(
            one.hole.first_id <= gap.last_agg_id and gap.first_agg_id <= one.hole.last_id
            for one in self._holes
        )

    @property
    def wanted(self) -> int:
        """Id from which REST shall be asked."""
        return self._holes[0].missing[0][0]

    def run_of(self, trades: Sequence[Trade]) -> list[Trade]:
        """Return those of REST's trades that begin where the oldest hole begins, without a jump."""
        first_id, last_id = self._holes[0].missing[0]
        known = {trade.agg_id: trade for trade in trades if trade.agg_id <= last_id}
        return [known[i] for i in takewhile(known.__contains__, count(first_id))]

    def published(self, run_length: int, now_ms: int) -> Gap | None:
        """Take note that so many of the run are published; returns the event when all are."""
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
        """Let the next hole have its turn."""
        self._holes.rotate(-1)
