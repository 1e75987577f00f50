"""Flow of one symbol from trades to blocks in Kafka: when to cut, and with which watermark."""

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from clients.clock import steady_ms
from producers.trades.candle_evidence import Evidence
from producers.trades.continuity import Continuity
from producers.trades.counters import Counts
from producers.trades.exchange_clock import ExchangeClock
from producers.trades.gap_events import BEGIN_AGAIN, GapEvents
from producers.trades.gaps import inherited
from producers.trades.ids.eras import EraDoubt, new_era
from producers.trades.ids.id_jumps import Jumps
from producers.trades.outlet import Outlet
from producers.trades.packing.block_writer import BlockWriter
from producers.trades.packing.columns import TradeColumns
from producers.trades.packing.flush_tick import FlushTick
from producers.trades.quiet import LONGEST, quiet_until_ms
from schemas.market import JITTER_MS, NO_TRADE_ID, Gap, GapState, Trade, TradeBlock
from schemas.settings import Settings
from schemas.timeframe import HOUR_MS, MINUTE_MS

KEPT_TRADES: Final = 20_000  # a symbol: about 8 MB


class SymbolFlow:
    """The state of one symbol: the order of its trades, and its published blocks.

    Attributes:
        continuity: Order of the trades, with the missing ones.
        jumps: Trades whose ids jump far ahead.
        unproven_ms: Steady time of the newest change of connections that may have missed trades.
        evidence: Trades in the exchange's candles that have not arrived.
        eras: Doubt whether the symbol's ids go on.
        gap_events: Publisher of the symbol's gap events.
        newest_event_ms: Event time of the newest trade; -1 before the first.
        is_traded: Whether the exchange trades the symbol; None while that is not known.
        block_trades: Most trades in a block.
        catch_up_ms: How long ago missing trades may be to be fetched.
        give_up_ms: Time without progress after which a hole is given up, and the pause between
            later tries.
    """

    def __init__(
        self,
        symbol: str,
        outlet: Outlet,
        settings: Settings,
        counts: Counts,
        stream_ms: Callable[[], int],
        *,
        clock: ExchangeClock,
        tick: FlushTick,
    ) -> None:
        """Set up the flow without history.

        Args:
            symbol: For example ``BTCUSDT``.
            outlet: Receives the blocks and gap events.
            settings: Block size, lateness, time to give up.
            counts: Counters of the process.
            stream_ms: Newest exchange event time of the symbol's connections; -1 if none is open.
            clock: The exchange's clock. It stamps the blocks, so that a wrong clock of the machine
                does not change them.
            tick: Flushes the trades of all symbols that wait.
        """
        self.give_up_ms = int(settings.stream.give_up_s * 1000)
        self.catch_up_ms = int(settings.stream.catch_up_h * HOUR_MS)
        self.continuity = Continuity(
            symbol, limit=KEPT_TRADES, give_up_ms=self.give_up_ms, longest_ms=self.catch_up_ms
        )
        self.symbol = symbol
        self.unproven_ms = steady_ms()
        self.evidence = Evidence()
        self.eras = EraDoubt()
        self.gap_events = GapEvents(outlet, counts)
        self.newest_event_ms = -1
        self.is_traded: bool | None = True
        self.jumps = Jumps()
        self.clock = clock
        most = settings.stream.block_trades
        self._writer = BlockWriter(symbol, outlet, counts, clock, most=most)
        self.stream_ms = stream_ms
        self._tick = tick
        self.block_trades = most
        self._lateness_ms = settings.candles.lateness_ms

    def inherit(self, gaps: Iterable[Gap], held: Sequence[tuple[int, int]]) -> None:
        """Take over the gaps of earlier runs; given-up ones are tried again.

        Args:
            gaps: Gaps that were found or given up, but not repaired.
            held: Ids ``[first, next)`` that are known to be published. A trade that is published
                but not listed here may be published again, which changes nothing.
        """
        given_up, ended = inherited(gaps, held, steady_ms())
        self.continuity.late.add(*given_up)
        self.gap_events.inherit(ended)

    def resume_era(self, era: int) -> None:
        """Continue in an era that an earlier run began, without any block of it."""
        self.continuity.queue.era = era
        self._writer.begin_era(era)

    def go_on_after(self, block: TradeBlock, newest: Iterable[Trade] = ()) -> None:
        """Continue after the last block that the previous run published.

        Args:
            block: That block.
            newest: The newest trades of that block and of those before it.
        """
        self.continuity.queue.era = block.era
        for trade in newest:
            self.continuity.same.remember(trade)
        self._writer.go_on_after(block)
        self._know(int(block.event_ms[-1]) if len(block) else -1, block.next_trade_id - 1)

    def offer(self, trade: Trade, opened_ms: int = -1) -> None:
        """Accept a trade from a connection that was opened at a time; the next tick publishes it.

        The first trade of a minute is published at once, because it closes a candle.
        """
        self._writer.stamp(trade.event_ms)
        minute = trade.event_ms // MINUTE_MS
        opens_minute = -1 < self.newest_event_ms // MINUTE_MS < minute
        self._doubt(trade)
        # What comes again may be another trade under a known id: it is no evidence.
        if trade.agg_id >= self.continuity.next_id:
            if self.eras:  # it may be of another era: REST has it, if it is not
                self.continuity.leave_to_rest(trade.agg_id, steady_ms())
                return
            self._know(trade.event_ms, trade.last_trade_id)
        self.continuity.offer(trade, steady_ms(), opened_ms)
        if opens_minute:
            self.flush()
        self.flush_soon()

    def columns_to_grow(self) -> TradeColumns | None:
        """Return the columns to which the next trade may be added; None if anything is in doubt."""
        if self.eras or self.jumps.is_waiting or self.newest_event_ms < 0:
            return None
        return self.continuity.columns_to_grow()

    def columns_grew(self, last_ms: int, opened_ms: int) -> None:
        """Record that trades, the last one of a time, were added to them; as `offer`."""
        columns = self.continuity.queue.columns
        self._know(columns.newest_ms, columns.next_trade_id - 1)
        self.continuity.columns_grew(last_ms, opened_ms)

    def stamp(self, now_ms: int, newest_ms: int) -> None:
        """Record that trades up to an event time are received, at a time of the exchange."""
        self._writer.stamp_at(now_ms, newest_ms)

    def flush_soon(self) -> None:
        """Publish what is ready with the next tick, or now if it is a full block."""
        if self.waiting >= self.block_trades:
            self.flush()
        elif self.waiting:
            self._tick.wait(self)

    def fill(self, trades: list[Trade]) -> None:
        """Accept trades from REST; they are published at once."""
        self._writer.stamp(max((trade.event_ms for trade in trades), default=0))
        for trade in trades[-1:]:
            self._know(trade.event_ms, trade.last_trade_id)
        self.continuity.fill(trades, steady_ms())
        self.flush()

    def expect(self, newest: Trade) -> None:
        """Record the newest trade that REST has."""
        now_ms = steady_ms()
        self._know(newest.event_ms, newest.last_trade_id)
        self.evidence.excuse(now_ms - self.give_up_ms)
        self.continuity.expect(newest.agg_id, now_ms)

    @property
    def first_ms(self) -> int:
        """Event time at which a symbol without a past begins: the previous candle."""
        return LONGEST.open_of(self.clock.now_ms(steady_ms())) - LONGEST.ms

    @property
    def known_ms(self) -> int:
        """Event time up to which the trades are known, as far as none is missing."""
        return max(self.continuity.last_ms, self._writer.watermark_ms)

    def begin_era(self, first: Trade) -> Gap:
        """Begin a new era after all that is known, and return its event.

        Args:
            first: Its first trade; the caller starts the continuity with it.
        """
        now_ms, due = steady_ms(), (self.continuity.next_id, self.known_ms)
        event = new_era(
            self.symbol, self.continuity.queue.era + 1, last=due, first=first, now_ms=now_ms
        )
        self.continuity.ready.extend(self.gap_events.give_up_inherited(now_ms, BEGIN_AGAIN))
        self.continuity.begin_again(event, now_ms)
        self.evidence, self.eras, self.jumps = Evidence(), EraDoubt(), Jumps()
        self.lose_sight()
        return event

    def flush(self) -> None:
        """Publish the ready trades and events, as far as Kafka's queue has room; the rest waits."""
        self._publish_columns()
        if not self.waiting:
            return
        ready = self.continuity.ready
        while ready and self._publish_first(ready):
            pass
        if ready:
            self._tick.wait(self)

    @property
    def waiting(self) -> int:
        """Trades and events that are not published yet."""
        return len(self.continuity.queue)

    def leave(self) -> None:
        """Publish what is ready, for the last time."""
        self.flush()
        self._tick.forget(self)

    def tell_quiet(self) -> None:
        """Publish that nothing was traded in a minute, if ids prove that no trade is missing."""
        stream_ms = quiet_until_ms(
            is_traded=self.is_traded,
            stream_ms=self.stream_ms(),
            last_ms=max(self.newest_event_ms, self._writer.watermark_ms - self._lateness_ms - 1),
            lateness_ms=self._lateness_ms,
        )
        minute = (stream_ms - self._lateness_ms) // MINUTE_MS
        told = (self._writer.watermark_ms - self._lateness_ms) // MINUTE_MS
        lacks_head = self.waiting or self.continuity.late.lacks(self.continuity.next_id - 1)
        known = self._writer.watermark_ms > 0 and self._is_whole() and not lacks_head
        if known and stream_ms > 0 and minute > told:
            self._writer.send_quiet(self.continuity.next_id, stream_ms)

    def publish_late(self, trades: list[Trade]) -> int:
        """Publish trades of a given-up hole, and return how many the queue accepted."""
        return self._writer.send_late(trades)

    def advance(self, *, closed: bool = False) -> None:
        """Report holes that last, and give up those that last too long; see `Continuity.advance`.

        Nothing is reported while the missing trades may be of another era.
        """
        before, now_ms, late = self.waiting, steady_ms(), self.continuity.late
        if self.eras:
            self.continuity.wait(now_ms)
        else:
            self.continuity.advance(now_ms, closed=closed)
        if self.waiting > before:
            self.flush()
        self.gap_events.end_inherited(self._writer.next_id, now_ms, late.holds)

    def lose_sight(self, opened_ms: int = -1) -> None:
        """Record that trades may have been missed before a connection was opened."""
        self.continuity.lose_sight(opened_ms)
        self.unproven_ms = steady_ms()

    def _know(self, event_ms: int, trade_id: int) -> None:
        self.newest_event_ms = max(self.newest_event_ms, event_ms)
        self.evidence.know(trade_id)

    def _is_whole(self) -> bool:
        return not self.eras and self.evidence.suspect_ms is None and self.continuity.settled

    def _doubt(self, trade: Trade) -> None:
        """Compare a trade of the stream with those that we hold."""
        newest = self.continuity.same.newest
        due_id = newest[-1].last_trade_id + 1 if newest else NO_TRADE_ID
        next_id = self.continuity.next_id
        if trade.agg_id < next_id:
            if trade.event_ms > self.continuity.last_ms + JITTER_MS:
                self.eras.suspect(trade)
        elif trade.agg_id == next_id and NO_TRADE_ID < trade.first_trade_id == due_id:
            self.eras.went_on()
        elif trade.agg_id == next_id and NO_TRADE_ID < trade.last_trade_id < due_id:
            self.eras.suspect(trade)

    def _publish_columns(self) -> None:
        if columns := self.continuity.queue.columns:
            block = self._writer.send_columns(columns, self.stream_ms() if self._is_whole() else 0)
            if block is not None:
                self.continuity.queue.published_as(block)

    def _publish_first(self, ready: list[Trade | Gap]) -> bool:
        first = ready[0]
        if isinstance(first, Gap):
            sent, count = self.gap_events.publish(first), 1
            if sent and first.state == GapState.NEW_ERA:
                self._writer.begin_era(first.era)
        else:
            run = self._writer.run_of(ready)
            whole = len(run) == len(ready) and self._is_whole()
            sent, count = self._writer.send(run, self.stream_ms() if whole else 0), len(run)
        if sent:
            self.continuity.taken(count, steady_ms())
        return sent
