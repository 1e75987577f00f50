"""Ordering of one symbol's trades from connections and REST, without duplicates or holes.

Pure: no socket, no clock. A jump in ids opens a hole; later trades wait until the hole is filled or
given up. The result is `ready`: trades in the order of their ids, with gap events between them.
Times are milliseconds of one steady clock, passed in.
"""

import asyncio
from typing import Final

from producers.trades.gap_events import BEGIN_AGAIN
from producers.trades.gaps import GivenUp, Hole, LateFill
from producers.trades.ids.ahead import UNKNOWN_MS, Ahead
from producers.trades.ids.same_trades import SameTrades, are_other
from producers.trades.packing.columns import TradeColumns
from producers.trades.ready import ReadyTrades
from schemas.market import Gap, GapState, Trade

NOT_STARTED: Final = -1
PATIENCE_MS: Final = 100  # trades of two connections overtake each other by less
TRY_MS: Final = 1_000  # for a hole that waited behind another one: time for a request


class Continuity:
    """Puts one symbol's trades in order.

    Attributes:
        queue: Trades in order and gap events, to be published.
        next_id: Id of the trade that must come next; -1 until `start`.
        hole: The hole that is being filled; None if no trade is missing.
        noticed: Set when trades are missing; whoever waits for it clears it.
        proven: True if no trade can have been missed after the newest known one.
        late: Holes that were given up.
        disproved: Trades of the stream that REST did not know long after they arrived.
        disputed: Trades of an aggregate id that came before with other trade ids.
        last_ms: Event time of the newest trade before `next_id`; -1 when unknown.
        duplicates: Number of trades of the stream that were known already.
        dropped: Number of trades left to REST because memory was full.
    """

    def __init__(self, symbol: str, *, limit: int, give_up_ms: int, longest_ms: int) -> None:
        self.symbol = symbol
        self.noticed = asyncio.Event()
        self.queue = ReadyTrades(symbol)
        self.next_id = NOT_STARTED
        self.hole: Hole | None = None
        self.proven = False
        self.late = LateFill(longest_ms)
        self.disproved: list[Trade] = []
        self.disputed: list[Trade] = []
        self.duplicates = self.dropped = 0
        self._limit, self._give_up_ms, self._longest_ms = limit, give_up_ms, longest_ms
        self._head_id = -1
        self.last_ms = self._filled_ms = self._advanced_ms = self._sight_ms = UNKNOWN_MS
        self._ahead = Ahead()
        self._starting = self._start_silent = False

    @property
    def ready(self) -> list[Trade | Gap]:
        """All that is to be published, as single trades and events; `taken` removes them."""
        return self.queue.single

    @property
    def same(self) -> SameTrades:
        """The newest of the trades that are ready or published."""
        return self.queue.same

    @property
    def known_id(self) -> int:
        """Highest id that is known to exist; -1 if none is."""
        return max(self._head_id, self.next_id - 1)

    @property
    def settled(self) -> bool:
        """Whether no trade is missing or waiting, and none can have been missed."""
        return self.proven and self.next_id != NOT_STARTED and not (self.hole or self._ahead)

    @property
    def wanted(self) -> int | None:
        """Id to request from REST; None while no trade is missing or memory is full."""
        return self.next_id if self.hole and self._has_room() else None

    def start(
        self, next_id: int, *, now_ms: int, after_ms: int = UNKNOWN_MS, silent: bool = False
    ) -> None:
        """Set the first trade to publish; trades that the stream brought before are joined to it.

        Args:
            next_id: Its id.
            now_ms: Steady time.
            after_ms: Event time of the trade before it; -1 when unknown.
            silent: Do not report the trades up to now as a gap, because it is a first start.
        """
        self.next_id, self.last_ms = next_id, after_ms
        self._starting, self._start_silent = True, silent
        self._ahead.drop_below(next_id)
        self._release(now_ms)

    def begin_again(self, event: Gap, now_ms: int) -> None:
        """Forget all ids after the event of a new era; `start` must follow."""
        if self.hole and self.hole.found:
            self.ready.append(self.hole.event(GapState.GIVEN_UP, now_ms, BEGIN_AGAIN))
        self.queue.begin_era(event)
        self.next_id, self.last_ms = NOT_STARTED, UNKNOWN_MS
        self.hole, self.proven = None, False
        self.late = LateFill(self._longest_ms)
        self._head_id, self._filled_ms = -1, UNKNOWN_MS
        self._ahead.clear()

    def expect(self, head_id: int, now_ms: int) -> None:
        """Record that a trade with this id exists."""
        self._head_id = max(self._head_id, head_id)
        self._look_for_hole(now_ms)

    def lose_sight(self, opened_ms: int = UNKNOWN_MS) -> None:
        """Record that trades may have been missed before a connection was opened.

        Only an id from it or a later one proves the opposite: an older one may end in a backlog.
        """
        self.proven, self._sight_ms = False, max(self._sight_ms, opened_ms)

    def offer(self, trade: Trade, now_ms: int, opened_ms: int = UNKNOWN_MS) -> None:
        """Accept a trade from a connection that was opened at a time."""
        agg_id = trade.agg_id
        if agg_id >= self.next_id and opened_ms >= self._sight_ms:
            self.proven = True
        # Nearly every trade takes this path: it is the next one, and no trade waits.
        if agg_id == self.next_id and not self.hole and not self._ahead and self._has_room():
            self._starting = False
            self.queue.add(trade)
            self.next_id = agg_id + 1
            self._head_id = max(self._head_id, agg_id)
            self.last_ms = trade.event_ms
        elif self._is_known(agg_id):
            self.duplicates += 1
            self._compare(trade)
        else:
            self._keep(trade, now_ms)
            self._release(now_ms)

    def columns_to_grow(self) -> TradeColumns | None:
        """Return the columns to which the next trade may be added; None if any is missing."""
        if self.next_id == NOT_STARTED or self.hole or self._ahead:
            return None
        return self.queue.columns_from(self.next_id)

    def columns_grew(self, last_ms: int, opened_ms: int) -> None:
        """Record that trades, the last one of a time, were added to them; as `offer`."""
        self.next_id = self.queue.columns.next_agg_id
        self._head_id = max(self._head_id, self.next_id - 1)
        self.last_ms = last_ms
        self.proven, self._starting = self.proven or opened_ms >= self._sight_ms, False

    def leave_to_rest(self, agg_id: int, now_ms: int) -> None:
        """Record a trade from a connection that is not accepted now; REST must have it."""
        self.dropped += 1
        self.expect(agg_id, now_ms)

    def fill(self, trades: list[Trade], now_ms: int) -> None:
        """Accept trades from REST; known ones change nothing."""
        if self.hole:
            self.hole.is_unknown = not trades
        for trade in trades:
            if self._is_known(trade.agg_id):
                self._compare(trade)
            else:
                self._keep(trade, now_ms)
            self._release(now_ms)

    def skip_to(self, first: Trade, now_ms: int) -> None:
        """Give up the missing trades before one that is in the hole or right behind it."""
        hole = self.hole
        if hole is None or not hole.first_id <= first.agg_id <= hole.last_id + 1:
            return
        self.ready.append(hole.cut_before(first, now_ms))
        self.hole, self.next_id, self.last_ms = None, first.agg_id, first.event_ms
        self._ahead.drop_below(first.agg_id)
        self._release(now_ms)

    def advance(self, now_ms: int, *, closed: bool = False) -> None:
        """Report a hole that lasts, and give it up if no part of it arrived for too long.

        With ``closed``, REST could not be asked since the last call: that time does not count.
        """
        hole, passed_ms = self.hole, now_ms - self._advanced_ms
        self._advanced_ms = now_ms
        if hole is None:
            return
        if not self._has_room():  # memory is full, so no request is sent: not REST's delay
            hole.progress_ms = now_ms
        elif closed and len(self._ahead) < self._limit:  # else live trades matter more
            hole.progress_ms = min(hole.progress_ms + passed_ms, now_ms)
        if not hole.found and not hole.silent and now_ms - hole.noticed_ms >= PATIENCE_MS:
            hole.found = True
            self.ready.append(hole.event(GapState.FOUND, now_ms, hole.reason))
        if now_ms - hole.progress_ms >= self._give_up_ms:
            if hole.is_unknown and len(self._ahead) == 1:
                self._disprove(hole, now_ms)
            else:
                self._give_up(hole, now_ms)

    def wait(self, now_ms: int) -> None:
        """Let time pass in which no hole is reported or given up."""
        self._advanced_ms = now_ms
        if self.hole:
            self.hole.progress_ms = now_ms

    def taken(self, count: int, now_ms: int) -> None:
        """Remove the first ``count`` items of `ready`, which are published."""
        del self.ready[:count]
        if self._ahead or self.hole:
            self._release(now_ms)

    def take_counts(self) -> tuple[int, int]:
        """Return `duplicates` and `dropped` since the last call, and reset them."""
        counts, self.duplicates, self.dropped = (self.duplicates, self.dropped), 0, 0
        return counts

    def _has_room(self) -> bool:
        return len(self.queue) < self._limit

    def _is_known(self, agg_id: int) -> bool:
        return agg_id < self.next_id or agg_id in self._ahead

    def _compare(self, trade: Trade) -> None:
        held = self._ahead.get(trade.agg_id)
        is_other = self.same.is_other(trade) if held is None else are_other(trade, held)
        if is_other and len(self.disputed) < self._limit:
            self.disputed.append(trade)

    def _keep(self, trade: Trade, now_ms: int) -> None:
        # The trade that all others wait for is accepted even if memory is full: it makes room.
        if len(self._ahead) < self._limit or trade.agg_id == self.next_id:
            self._ahead.keep(trade, now_ms if trade.agg_id > self._head_id + 1 else None)
        else:
            self.dropped += 1
        self._head_id = max(self._head_id, trade.agg_id)

    def _release(self, now_ms: int) -> None:
        while self._has_room() and self.next_id in self._ahead:
            self._release_next(now_ms)
        self._look_for_hole(now_ms)

    def _release_next(self, now_ms: int) -> None:
        trade = self._ahead.pop(self.next_id)
        self.queue.add(trade)
        self.next_id += 1
        self.last_ms = trade.event_ms
        if (hole := self.hole) is None:
            return
        hole.progress_ms = self._filled_ms = now_ms
        if self.next_id > hole.last_id:
            self.hole = None
            if hole.found:
                self.ready.append(hole.event(GapState.REPAIRED, now_ms, "filled"))

    def _look_for_hole(self, now_ms: int) -> None:
        next_id = self.next_id
        if self.hole or next_id == NOT_STARTED or next_id > self._head_id or next_id in self._ahead:
            return
        after_id = self._ahead.first_id()
        last_id = self._head_id if after_id is None else after_id - 1
        noticed_ms = self._ahead.jumped_ms(after_id, now_ms)
        self.hole = Hole(
            symbol=self.symbol,
            first_id=next_id,
            last_id=last_id,
            after_ms=self.last_ms,
            before_ms=self._ahead.event_ms(after_id),
            noticed_ms=noticed_ms,
            progress_ms=max(noticed_ms, self._filled_ms, now_ms - self._give_up_ms + TRY_MS),
            reason="trades since the last block" if self._starting else "ids jump",
            silent=self._starting and self._start_silent,
            era=self.queue.era,
        )
        self.noticed.set()

    def _disprove(self, hole: Hole, now_ms: int) -> None:
        # Only one trade implied the missing ones, and the exchange still knows none of them.
        self.disproved += self._ahead.clear()
        self.hole, self._head_id = None, self.next_id - 1
        if hole.found:
            reason = "nothing was missing: the exchange does not know the trade whose id jumped"
            self.ready.append(hole.event(GapState.REPAIRED, now_ms, reason))

    def _give_up(self, hole: Hole, now_ms: int) -> None:
        self.hole = None
        reason = f"REST did not have ids from {self.next_id} in time"
        self.ready.append(hole.event(GapState.GIVEN_UP, now_ms, reason))
        given_up = GivenUp(hole)
        while self.next_id <= hole.last_id:
            after_id = self._ahead.first_id()
            resume_id = min(hole.last_id + 1, self._head_id + 1 if after_id is None else after_id)
            if resume_id > self.next_id:
                given_up.missing.append((self.next_id, resume_id - 1))
                self.next_id = resume_id
            if self.next_id in self._ahead:
                self._release_next(now_ms)
        self.late.add(given_up)
        self._release(now_ms)
