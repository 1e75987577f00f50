"""Task of one symbol beside the sockets: finds its start, fills holes and proves quiet by REST."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final

from clients.clock import steady_ms
from clients.process import Standstill
from clients.watching.log import EventLog
from clients.watching.metrics import RETRIES
from producers.binance.rest import RestClient
from producers.trades.connections import back_off_s
from producers.trades.continuity import NOT_STARTED
from producers.trades.era_check import EraCheck
from producers.trades.gaps import TOO_LONG_AGO, is_too_much
from producers.trades.ids.eras import strange_trade
from producers.trades.ids.same_trades import other_trade
from producers.trades.kline_stream import KlineFlow
from producers.trades.quiet import LONGEST
from producers.trades.rest_answers import Answers, hear_time
from producers.trades.resume import Past
from producers.trades.symbol_stream import SymbolFlow
from schemas.errors import PoisonMessage, Transient
from schemas.market import TradeBlock

_log = EventLog(__name__)
LOOK_S: Final = 0.05
IDLE_S: Final = 0.5  # between looks at a symbol of which nothing is missing; a hole ends it
# Attempts after which the pause between two requests for one hole stops growing, at two seconds.
MOST_BEHIND: Final = 4
PROOF_AFTER_MS: Final = 3_000  # REST may be behind the stream: a later answer proves more
FIRST_WAIT_S: Final = 0.125
SUSPECT_MS: Final = 1_000


class Repair:
    """Keeps one symbol's flow complete with trades from REST.

    Failed requests are repeated with growing pauses; the sockets are read meanwhile.
    """

    def __init__(
        self,
        flow: SymbolFlow,
        rest: RestClient,
        requests: asyncio.Semaphore,
        klines: KlineFlow,
        bury: Callable[[PoisonMessage], None],
        *,
        standstill: Standstill,
    ) -> None:
        """Set up the task.

        Args:
            flow: The flow of the symbol.
            rest: Client of the exchange.
            requests: Limits the concurrent requests of all symbols.
            klines: Candles of the exchange; they start at the same time as the flow.
            bury: Called with each answer of REST that is not plausible, and with each trade whose
                aggregate id came before with other trades.
            standstill: Looked at by others too, so that a slow answer of REST is none.
        """
        self._flow = flow
        self._continuity = flow.continuity
        self._rest = rest
        self._requests = requests
        self._klines = klines
        self._bury = bury
        self._standstill = standstill
        self._stood = standstill.look(steady_ms() / 1000)
        self._answers = Answers(flow.symbol, rest, flow.clock, bury)
        self._era_check = EraCheck(flow, rest, self._answers, requests)
        self._failures = 0
        self._behind = 0
        self._head_asked = False
        self._asked_ms = 0
        self._late_ms = steady_ms()

    async def run(self, past: Past) -> None:
        """Start after the last block or at the previous candle, and repair until cancelled."""
        if past.last_block is not None:
            self._begin_after(past.last_block, past)
        else:
            self._flow.resume_era(past.era)
        while True:
            try:
                await self._step()
                self._failures = 0
            except Transient as error:
                await self._pause_after(error)

    def _begin_after(self, block: TradeBlock, past: Past) -> None:
        self._flow.go_on_after(block, past.newest)
        self._flow.inherit(past.open_gaps, past.held)
        after_ms = int(block.event_ms[-1]) if len(block) else block.watermark_ms
        self._continuity.start(block.next_agg_id, now_ms=steady_ms(), after_ms=after_ms)
        # A run killed at its start may have left trades but no candle of the exchange.
        first_ms = LONGEST.open_of(after_ms) - LONGEST.ms
        self._klines.start(self._flow.symbol, first_ms, past.candles_to_ms)

    async def _step(self) -> None:
        self._advance()
        wanted = self._continuity.wanted
        if self._continuity.next_id == NOT_STARTED:
            # Its newest trade may be years old, unless the exchange sends trades of it.
            if not self._flow.is_traded and self._flow.newest_event_ms < 0:
                await self._idle()
            else:
                await self._begin_anew()
        elif self._era_check.is_due:
            if await self._era_check.compare():
                self._head_asked = False
        elif not self._head_asked:
            await self._ask_newest()
        elif wanted is not None and self._is_far_behind():
            await self._skip()
        elif wanted is not None and self._is_reported():
            await self._fill(wanted)
        elif self._proof_is_due():
            await self._prove()
        elif self._late_is_due():
            await self._fill_late()
        else:
            await self._idle()

    async def _idle(self) -> None:
        if self._continuity.hole is not None or self._flow.eras:
            await asyncio.sleep(LOOK_S)
            return
        self._continuity.noticed.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(IDLE_S):
                await self._continuity.noticed.wait()

    async def _begin_anew(self) -> None:
        async with self._requests:
            await hear_time(self._rest, self._flow.clock)
            boundary_ms = self._flow.first_ms
            trades = await self._answers.first_trades(boundary_ms)
        if not trades:
            raise Transient(f"{self._flow.symbol} has never been traded", retry_after_s=10)
        self._continuity.start(trades[0].agg_id, now_ms=steady_ms(), silent=True)
        self._klines.start(self._flow.symbol, boundary_ms, {})
        self._flow.fill(trades)

    def _is_far_behind(self) -> bool:
        """Return whether more is missing, and since longer ago, than is fetched."""
        hole, last_ms = self._continuity.hole, self._continuity.last_ms
        if hole is None or last_ms < 0:
            return False
        missing = hole.last_id - self._continuity.next_id + 1
        span_ms = self._flow.clock.now_ms(steady_ms()) - last_ms
        return is_too_much(missing, span_ms, self._flow.catch_up_ms)

    async def _skip(self) -> None:
        """Go on with the previous candle: more trades are missing than can be fetched in time."""
        async with self._requests:
            await hear_time(self._rest, self._flow.clock)
            if not self._is_far_behind():  # the clock was wrong
                return
            boundary_ms = self._flow.first_ms
            trades = await self._answers.first_trades(boundary_ms)
        now_ms, due_id = steady_ms(), self._continuity.next_id
        if not trades or trades[0].agg_id < due_id:  # all that is missing is of the present
            self._flow.fill(trades)
            await self._wait(FIRST_WAIT_S if self._continuity.next_id == due_id else 0.0)
            return
        _log.warning(
            "stream_far_behind",
            "{symbol}: trades since {since} UTC are too long ago to be fetched "
            "(CANDLEWICK_STREAM__CATCH_UP_H); going on with the present",
            symbol=self._flow.symbol,
            since=f"{datetime.fromtimestamp(self._continuity.last_ms / 1000, UTC):%Y-%m-%d %H:%M}",
        )
        given_up = self._flow.gap_events.give_up_inherited(now_ms, TOO_LONG_AGO, since_id=due_id)
        self._continuity.ready.extend(given_up)
        self._continuity.skip_to(trades[0], now_ms)
        self._flow.fill(trades)
        self._klines.start(self._flow.symbol, boundary_ms, {})

    async def _ask_newest(self) -> bool:
        """Request the newest trade; False if the answer is not plausible."""
        async with self._requests:
            newest, is_believed = await self._answers.newest_trade(self._continuity.known_id)
        goes_on = newest is None or self._era_check.goes_on(newest)  # else it is asked again
        self._head_asked = True
        self._asked_ms = steady_ms()
        if newest is None:
            return is_believed
        if not goes_on:
            return False
        self._flow.expect(newest)
        return is_believed

    def _proof_is_due(self) -> bool:
        if self._flow.eras:  # REST's newest trade proves nothing until it is decided
            return False
        now_ms, connected = steady_ms(), self._flow.stream_ms() > 0
        if not self._continuity.proven:
            return connected and now_ms - self._flow.unproven_ms >= PROOF_AFTER_MS
        suspect_ms = self._flow.evidence.suspect_ms
        return suspect_ms is not None and now_ms - max(suspect_ms, self._asked_ms) >= SUSPECT_MS

    async def _prove(self) -> None:
        connection_ms = self._flow.unproven_ms
        if not await self._ask_newest():
            if self._flow.eras:
                return
            raise Transient("REST's newest trade is not plausible")
        # A connection may have broken during the request: the answer does not cover that time.
        if self._flow.unproven_ms == connection_ms:
            self._continuity.proven = True

    def _is_reported(self) -> bool:
        hole = self._continuity.hole
        return hole is not None and (hole.found or hole.silent)

    async def _fill(self, agg_id: int) -> None:
        trades = await self._era_check.trades_from(agg_id)
        if trades is None:
            await self._wait(FIRST_WAIT_S)
            return
        self._flow.fill(trades)
        if self._continuity.next_id == agg_id:
            # REST reads a database that lags the stream: it does not have the trade yet.
            self._behind = min(self._behind + 1, MOST_BEHIND)
            await self._wait(FIRST_WAIT_S * 2**self._behind)
        else:
            self._behind = 0

    def _late_is_due(self) -> bool:
        # What REST has under the missing ids may be of another era.
        is_due = bool(self._continuity.late) and steady_ms() >= self._late_ms
        return is_due and not self._flow.eras

    async def _fill_late(self) -> None:
        late = self._continuity.late
        async with self._requests:
            trades = await self._answers.trades_from(late.wanted)
        if self._flow.eras:  # since the question
            return
        published = self._flow.publish_late(late.run_of(trades))
        if not published:
            late.put_off()
            self._late_ms = steady_ms() + self._flow.give_up_ms
        elif event := late.published(published, steady_ms()):
            while not self._flow.gap_events.publish(event):
                await self._wait(LOOK_S)

    async def _pause_after(self, error: Transient) -> None:
        self._failures += 1
        RETRIES.labels("repair").inc()
        # Log the first and every 20th: an exchange that is down for hours must not fill the log.
        if self._failures == 1 or self._failures % 20 == 0:
            _log.warning(
                "repair_retried", "{symbol}: {error}", symbol=self._flow.symbol, error=error
            )
        await self._wait(max(error.retry_after_s, back_off_s(self._failures)))

    async def _wait(self, seconds: float) -> None:
        until_ms = steady_ms() + int(seconds * 1000)
        while steady_ms() < until_ms:
            # Without a hole there is none to end, and 1,500 symbols may wait for a closed REST.
            needs_look = self._continuity.hole is not None or bool(self._flow.eras)
            left_s = (until_ms - steady_ms()) / 1000
            await asyncio.sleep(LOOK_S if needs_look else max(LOOK_S, min(IDLE_S, left_s)))
            self._advance()

    def _advance(self) -> None:
        stood, self._stood = self._stood, self._standstill.look(steady_ms() / 1000)
        # A process that stood still could not ask REST either.
        self._flow.advance(closed=self._answers.is_closed or self._stood != stood)
        disproved = self._continuity.disproved
        while disproved:
            self._answers.refuse(disproved.pop())
        disputed = self._continuity.disputed
        while disputed:
            self._bury(other_trade(disputed.pop()))
        strange = self._flow.eras.refused
        while strange:
            self._bury(strange_trade(strange.pop()))
