"""Publisher of gap events, also for gaps that the previous run did not see repaired."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from producers.trades.counters import Counts
from producers.trades.outlet import Outlet
from schemas.market import Gap, GapState

BEGIN_AGAIN: Final = "ids began again before it was filled"
FILLED: Final = "filled by the next run"


class GapEvents:
    """Gap events of one symbol."""

    def __init__(self, outlet: Outlet, counts: Counts) -> None:
        self._outlet = outlet
        self._counts = counts
        self._inherited: list[Gap] = []

    def publish(self, gap: Gap) -> bool:
        """Publish an event; False while Kafka's queue is full."""
        if not self._outlet.send(gap):
            return False
        self._counts.gaps_found += gap.state == GapState.FOUND
        self._counts.gaps_repaired += gap.state == GapState.REPAIRED
        self._counts.gaps_given_up += gap.state == GapState.GIVEN_UP
        return True

    def inherit(self, gaps: list[Gap]) -> None:
        """Take over gaps that the previous run found and did not see repaired."""
        self._inherited = gaps

    def give_up_inherited(self, now_ms: int, reason: str, *, since_id: int = 0) -> list[Gap]:
        """Forget inherited gaps, and return the events of those that are not given up yet.

        Args:
            now_ms: Steady time.
            reason: Why they are given up.
            since_id: Gaps that end before this id are kept.
        """
        ended = [gap for gap in self._inherited if gap.last_agg_id >= since_id]
        self._inherited = [gap for gap in self._inherited if gap not in ended]
        found = [gap for gap in ended if gap.state == GapState.FOUND]
        given_up = GapState.GIVEN_UP.value
        return [replace(gap, state=given_up, changed_ms=now_ms, reason=reason) for gap in found]

    def end_inherited(
        self, published_id: int, now_ms: int, is_given_up: Callable[[Gap], bool]
    ) -> None:
        """Report the inherited gaps below ``published_id`` as repaired, unless given up."""
        if self._inherited:
            self._inherited = [
                gap
                for gap in self._inherited
                if gap.last_agg_id >= published_id
                or is_given_up(gap)
                or not self.publish(_repaired(gap, now_ms))
            ]


def _repaired(gap: Gap, now_ms: int) -> Gap:
    return replace(gap, state=GapState.REPAIRED.value, changed_ms=now_ms, reason=FILLED)
