"""One symbol's trades, from any connection and from REST, into order without a duplicate or hole.

Pure: no socket, no clock. A jump in ids opens a hole; what lies beyond it waits until the hole is
filled, or given up. `ready` is the result: trades in the order of their ids, and the gaps' events
between them. Times are milliseconds of one steady clock, passed in.
"""

from collections import deque
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count, takewhile
from typing import Final

from schemas.market import Gap, GapState, Trade

UNKNOWN_MS: Final = -1
NOT_STARTED: Final = -1
PATIENCE_MS: Final = 100  # trades of two connections overtake each other by less
MAX_JUMP: Final = 5_000_000  # two days of the busiest symbol: an id beyond is no id
MAX_GIVEN_UP: Final = 100


@dataclass(slots=True)
class Hole:
    """Missing trades ``[first_id, last_id]``, some of which may have been filled.

    Attributes:
        after_ms: Event time of the last trade before it; -1 when unknown.
        before_ms: Event time of the first trade after it; -1 when unknown.
        progress_ms: When it was noticed, or a part of it last filled.
        silent: No event is published unless it is given up.
        found: The event has been published.
    """

    first_id: int
    last_id: int
    after_ms: int
    before_ms: int
    noticed_ms: int
    progress_ms: int
    reason: str
    silent: bool = False
    found: bool = False


@dataclass(slots=True)
class GivenUp:
    """A hole that was not filled in time, and the runs of ids that are still missing in it."""

    hole: Hole
    missing: deque[tuple[int, int]] = field(default_factory=deque)


class Continuity:
    """The order of one symbol's trades.

    Attributes:
        ready: Trades in order and gap events, to be published; taken with `taken`.
        next_id: Id of the trade that must come next; -1 until `start`.
        proven: No trade can have been missed since the newest that is known.
        given_up: Holes to try again later, oldest first.
        duplicates: How many trades of the stream were known already.
        dropped: How many trades were left to REST because memory was full.
    """

    def __init__(self, symbol: str, *, limit: int, give_up_ms: int) -> None:
        self.symbol = symbol
        self.ready: list[Trade | Gap] = []
        self.next_id = NOT_STARTED
        self.hole: Hole | None = None
        self.proven = False
        self.given_up: deque[GivenUp] = deque(maxlen=MAX_GIVEN_UP)
        self.duplicates = 0
        self.dropped = 0
        self._limit = limit
        self._give_up_ms = give_up_ms
        self._head_id = -1
        self._last_event_ms = UNKNOWN_MS
        self._ahead: dict[int, Trade] = {}
        self._ahead_ids: list[int] = []
        self._jumps: dict[int, int] = {}
        self._start_id = NOT_STARTED
        self._start_silent = False
        self._filled_ms = UNKNOWN_MS

    @property
    def settled(self) -> bool:
        """Nothing is missing, nothing waits, and nothing can have been missed."""
        return self.proven and self.next_id != NOT_STARTED and not (self.hole or self._ahead)

    @property
    def wanted(self) -> int | None:
        """Id from which REST shall be asked, or None while nothing is missing or memory is full."""
        return self.next_id if self.hole and len(self.ready) < self._limit else None

    def start(
        self, next_id: int, *, now_ms: int, after_ms: int = UNKNOWN_MS, silent: bool = False
    ) -> None:
        """Say which trade comes first; what the stream has brought by then is joined to it.

        Args:
            next_id: Id of the first trade to publish.
            now_ms: Steady time.
            after_ms: Event time of the trade before it; -1 when unknown.
            silent: Do not report the trades up to now as a gap: there was nothing before.
        """
        self.next_id, self._last_event_ms = next_id, after_ms
        self._start_id, self._start_silent = next_id, silent
        for known_id in [held for held in self._ahead if held < next_id]:
            del self._ahead[known_id]
        self._release(now_ms)

    def expect(self, head_id: int, now_ms: int) -> None:
        """Take note that a trade with this id exists."""
        self._head_id = max(self._head_id, head_id)
        self._look_for_hole(now_ms)

    def lose_sight(self) -> None:
        """Take note that trades may have been missed: only an id can prove the contrary."""
        self.proven = False

    def is_plausible(self, trade: Trade) -> bool:
        """Tell whether the id can be one: not millions ahead of the newest that is known."""
        known_id = max(self._head_id, self.next_id)
        return known_id == NOT_STARTED or trade.agg_id <= known_id + MAX_JUMP

    def offer(self, trade: Trade, now_ms: int) -> None:
        """Take a trade from a connection."""
        self.proven = True
        agg_id = trade.agg_id
        if agg_id == self.next_id and not self.hole and not self._ahead and self._has_room():
            self.ready.append(trade)
            self.next_id = agg_id + 1
            self._head_id = max(self._head_id, agg_id)
            self._last_event_ms = trade.event_ms
        elif self._is_known(agg_id):
            self.duplicates += 1
        else:
            self._keep(trade, now_ms)
            self._release(now_ms)

    def fill(self, trades: list[Trade], now_ms: int) -> None:
        """Take trades that REST answered; those that are known change nothing."""
        for trade in trades:
            if not self._is_known(trade.agg_id):
                self._keep(trade, now_ms)
            self._release(now_ms)

    def advance(self, now_ms: int) -> None:
        """Report a hole that has lasted, or give it up when nothing of it came for too long."""
        hole = self.hole
        if hole is None:
            return
        if not self._has_room():
            hole.progress_ms = now_ms
        if not hole.found and not hole.silent and now_ms - hole.noticed_ms >= PATIENCE_MS:
            hole.found = True
            self.ready.append(self._event(hole, GapState.FOUND, now_ms, hole.reason))
        if now_ms - hole.progress_ms >= self._give_up_ms:
            self._give_up(hole, now_ms)

    def taken(self, count: int, now_ms: int) -> None:
        """Forget the first ``count`` of `ready`: they are published."""
        del self.ready[:count]
        if self._ahead or self.hole:
            self._release(now_ms)

    def late_run(self, trades: list[Trade]) -> list[Trade]:
        """Return the trades that begin where the oldest hole that was given up begins."""
        first_id, last_id = self.given_up[0].missing[0]
        known = {trade.agg_id: trade for trade in trades if trade.agg_id <= last_id}
        return [known[i] for i in takewhile(known.__contains__, count(first_id))]

    def late_published(self, run_length: int, now_ms: int) -> Gap | None:
        """Take note that so many of them are published; returns the event when all are."""
        oldest = self.given_up[0]
        first_id, last_id = oldest.missing[0]
        if first_id + run_length <= last_id:
            oldest.missing[0] = (first_id + run_length, last_id)
            return None
        oldest.missing.popleft()
        if oldest.missing:
            return None
        self.given_up.popleft()
        return self._event(oldest.hole, GapState.REPAIRED, now_ms, "filled late")

    def take_counts(self) -> tuple[int, int]:
        """Return `duplicates` and `dropped` since the last call."""
        counts = self.duplicates, self.dropped
        self.duplicates = self.dropped = 0
        return counts

    def _has_room(self) -> bool:
        return len(self.ready) < self._limit

    def _is_known(self, agg_id: int) -> bool:
        return agg_id < self.next_id or agg_id in self._ahead

    def _keep(self, trade: Trade, now_ms: int) -> None:
        if len(self._ahead) < self._limit or trade.agg_id == self.next_id:
            if trade.agg_id > self._head_id + 1:
                self._jumps[trade.agg_id] = now_ms
            self._ahead[trade.agg_id] = trade
            heappush(self._ahead_ids, trade.agg_id)
        else:
            self.dropped += 1
        self._head_id = max(self._head_id, trade.agg_id)

    def _release(self, now_ms: int) -> None:
        while self._has_room() and self.next_id in self._ahead:
            self._release_next(now_ms)
        self._look_for_hole(now_ms)

    def _release_next(self, now_ms: int) -> None:
        trade = self._ahead.pop(self.next_id)
        self._jumps.pop(self.next_id, None)
        self.ready.append(trade)
        self.next_id += 1
        self._last_event_ms = trade.event_ms
        if self.hole:
            self._note_progress(self.hole, now_ms)

    def _note_progress(self, hole: Hole, now_ms: int) -> None:
        hole.progress_ms = self._filled_ms = now_ms
        if self.next_id > hole.last_id:
            self.hole = None
            if hole.found:
                self.ready.append(self._event(hole, GapState.REPAIRED, now_ms, "filled"))

    def _look_for_hole(self, now_ms: int) -> None:
        next_id = self.next_id
        if self.hole or next_id == NOT_STARTED or next_id > self._head_id or next_id in self._ahead:
            return
        at_start = next_id == self._start_id
        after_id = self._first_ahead()
        last_id = self._head_id if after_id is None else after_id - 1
        noticed_ms = now_ms if after_id is None else self._jumps.get(after_id, now_ms)
        self.hole = Hole(
            first_id=next_id,
            last_id=last_id,
            after_ms=self._last_event_ms,
            before_ms=UNKNOWN_MS if after_id is None else self._ahead[after_id].event_ms,
            noticed_ms=noticed_ms,
            progress_ms=max(noticed_ms, self._filled_ms),
            reason="trades since the last block" if at_start else "ids jump",
            silent=at_start and self._start_silent,
        )

    def _first_ahead(self) -> int | None:
        while self._ahead_ids and self._ahead_ids[0] not in self._ahead:
            heappop(self._ahead_ids)
        return self._ahead_ids[0] if self._ahead_ids else None

    def _give_up(self, hole: Hole, now_ms: int) -> None:
        self.hole = None
        reason = f"REST did not have ids from {self.next_id} in time"
        self.ready.append(self._event(hole, GapState.GIVEN_UP, now_ms, reason))
        given_up = GivenUp(hole)
        while self.next_id <= hole.last_id:
            after_id = self._first_ahead()
            resume_id = min(hole.last_id + 1, self._head_id + 1 if after_id is None else after_id)
            if resume_id > self.next_id:
                given_up.missing.append((self.next_id, resume_id - 1))
                self.next_id = resume_id
            if self.next_id in self._ahead:
                self._release_next(now_ms)
        self.given_up.append(given_up)
        self._release(now_ms)

    def _event(self, hole: Hole, state: GapState, now_ms: int, reason: str) -> Gap:
        return Gap(
            symbol=self.symbol,
            first_agg_id=hole.first_id,
            last_agg_id=hole.last_id,
            after_ms=hole.after_ms,
            before_ms=hole.before_ms,
            state=state.value,
            noticed_ms=hole.noticed_ms,
            changed_ms=now_ms,
            reason=reason,
        )
