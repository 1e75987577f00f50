"""Task of one symbol beside the sockets: finds its start, fills holes and proves quiet by REST."""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from clients.clock import steady_ms
from producers.binance.rest import RestClient
from producers.trades.connections import back_off_s
from producers.trades.continuity import NOT_STARTED
from producers.trades.kline_stream import KlineFlow
from producers.trades.rest_answers import Answers, hear_time
from producers.trades.resume import Past
from producers.trades.same_trades import other_trade
from producers.trades.symbol_stream import SymbolFlow
from schemas.errors import ConfigurationError, PoisonMessage, Transient
from schemas.market import Trade, TradeBlock
from schemas.timeframe import Interval

log = logging.getLogger(__name__)
LOOK_S: Final = 0.05
# Attempts after which the pause between two requests for one hole stops growing, at two seconds.
MOST_BEHIND: Final = 4
PROOF_AFTER_MS: Final = 3_000  # REST may be behind the stream: a later answer proves more
FIRST_WAIT_S: Final = 0.125
SUSPECT_MS: Final = 1_000
HOUR_MS: Final = 3_600_000
CANDLE: Final = Interval.FIFTEEN_MINUTES


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
    ) -> None:
        """Set up the task.

        Args:
            flow: The flow of the symbol.
            rest: Client of the exchange.
            requests: Limits the concurrent requests of all symbols.
            klines: Candles of the exchange; they start at the same time as the flow.
            bury: Called with each answer of REST that is not plausible, and with each trade whose
                aggregate id came before with other trades.
        """
        self._flow = flow
        self._continuity = flow.continuity
        self._rest = rest
        self._requests = requests
        self._klines = klines
        self._bury = bury
        self._answers = Answers(flow.symbol, rest, flow.clock, bury)
        self._failures = 0
        self._behind = 0
        self._head_asked = False
        self._asked_ms = 0
        self._late_ms = steady_ms()

    async def run(self, past: Past) -> None:
        """Start after the last block or at the previous candle, and repair until cancelled."""
        if past.last_block is not None:
            self._begin_after(past.last_block, past)
        while True:
            try:
                await self._step()
                self._failures = 0
            except Transient as error:
                await self._pause_after(error)

    def _begin_after(self, block: TradeBlock, past: Past) -> None:
        self._flow.go_on_after(block)
        self._flow.inherit(past.open_gaps, past.held)
        after_ms = int(block.event_ms[-1]) if len(block) else block.watermark_ms
        self._continuity.start(block.next_agg_id, now_ms=steady_ms(), after_ms=after_ms)
        # A run killed at its start may have left trades but no candle of the exchange.
        first_ms = CANDLE.open_of(after_ms) - CANDLE.ms
        self._klines.start(self._flow.symbol, first_ms, past.candles_to_ms)

    async def _step(self) -> None:
        self._advance()
        wanted = self._continuity.wanted
        if self._continuity.next_id == NOT_STARTED:
            if not self._flow.is_traded:  # its newest trade may be years old
                await asyncio.sleep(LOOK_S)
                return
            await self._begin_anew()
        elif not self._head_asked:
            await self._ask_newest()
        elif wanted is not None and self._is_reported():
            await self._fill(wanted)
        elif self._proof_is_due():
            await self._prove()
        elif self._continuity.late and steady_ms() >= self._late_ms:
            await self._fill_late()
        else:
            await asyncio.sleep(LOOK_S)

    async def _begin_anew(self) -> None:
        async with self._requests:
            await hear_time(self._rest, self._flow.clock)
            boundary_ms = CANDLE.open_of(self._flow.clock.now_ms(steady_ms())) - CANDLE.ms
            trades = await self._answers.first_trades(boundary_ms)
        if not trades:
            raise Transient(f"{self._flow.symbol} has never been traded", retry_after_s=10)
        self._continuity.start(trades[0].agg_id, now_ms=steady_ms(), silent=True)
        self._klines.start(self._flow.symbol, boundary_ms, {})
        self._flow.fill(trades)

    async def _ask_newest(self) -> bool:
        """Request the newest trade; False if the answer is not plausible."""
        async with self._requests:
            newest, is_believed = await self._answers.newest_trade(self._continuity.known_id)
        self._head_asked = True
        self._asked_ms = steady_ms()
        if newest is not None:
            self._refuse_another_market(newest)
            self._flow.expect(newest)
        return is_believed

    def _refuse_another_market(self, newest: Trade) -> None:
        next_id, known_ms = self._continuity.next_id, self._flow.newest_event_ms
        if newest.agg_id < next_id and newest.event_ms < known_ms - HOUR_MS:
            raise ConfigurationError(
                f"{newest.symbol}: Kafka has trades up to id {next_id - 1}, but the exchange's "
                f"newest is {newest.agg_id}, long before: this data is from another exchange. "
                "Set CANDLEWICK_BINANCE__REST_URL to that one, or start with an empty Kafka"
            )

    def _proof_is_due(self) -> bool:
        now_ms, connected = steady_ms(), self._flow.stream_ms() > 0
        if not self._continuity.proven:
            return connected and now_ms - self._flow.unproven_ms >= PROOF_AFTER_MS
        suspect_ms = self._flow.evidence.suspect_ms
        return suspect_ms is not None and now_ms - max(suspect_ms, self._asked_ms) >= SUSPECT_MS

    async def _prove(self) -> None:
        connection_ms = self._flow.unproven_ms
        if not await self._ask_newest():
            raise Transient("REST's newest trade is not plausible")
        # A connection may have broken during the request: the answer does not cover that time.
        if self._flow.unproven_ms == connection_ms:
            self._continuity.proven = True

    def _is_reported(self) -> bool:
        hole = self._continuity.hole
        return hole is not None and (hole.found or hole.silent)

    async def _fill(self, agg_id: int) -> None:
        async with self._requests:
            trades = await self._answers.trades_from(agg_id)
        self._flow.fill(trades)
        if self._continuity.next_id == agg_id:
            # REST reads a database that lags the stream: it does not have the trade yet.
            self._behind = min(self._behind + 1, MOST_BEHIND)
            await self._wait(FIRST_WAIT_S * 2**self._behind)
        else:
            self._behind = 0

    async def _fill_late(self) -> None:
        late = self._continuity.late
        async with self._requests:
            trades = await self._answers.trades_from(late.wanted)
        published = self._flow.publish_late(late.run_of(trades))
        if not published:
            late.put_off()
            self._late_ms = steady_ms() + self._flow.give_up_ms
        elif event := late.published(published, steady_ms()):
            while not self._flow.gap_events.publish(event):
                await self._wait(LOOK_S)

    async def _pause_after(self, error: Transient) -> None:
        self._failures += 1
        # Log the first and every 20th: an exchange that is down for hours must not fill the log.
        if self._failures == 1 or self._failures % 20 == 0:
            log.warning("%s: %s", self._flow.symbol, error)
        await self._wait(max(error.retry_after_s, back_off_s(self._failures)))

    async def _wait(self, seconds: float) -> None:
        until_ms = steady_ms() + int(seconds * 1000)
        while steady_ms() < until_ms:
            await asyncio.sleep(LOOK_S)
            self._advance()

    def _advance(self) -> None:
        self._flow.advance(closed=self._answers.is_closed)
        disproved = self._continuity.disproved
        while disproved:
            self._answers.refuse(disproved.pop())
        disputed = self._continuity.disputed
        while disputed:
            self._bury(other_trade(disputed.pop()))
