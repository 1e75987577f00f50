"""The running stream: sockets, repairs and timers of all symbols, wired together."""

import asyncio
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from functools import partial
from typing import Final

from clients.clock import steady_ms, wall_ms
from clients.kafka.followed_symbols import FollowedSymbols
from clients.process import Standstill
from clients.watching.log import EventLog
from producers.binance.rest import RestClient
from producers.binance.urls import StreamAddress
from producers.binance.websocket import Connection, open_connection
from producers.trades.candle_evidence import is_unheard
from producers.trades.connections import back_off_s
from producers.trades.counters import Counts, Figures, summary
from producers.trades.dispatch import Dispatch
from producers.trades.exchange_clock import ExchangeClock
from producers.trades.kline_stream import KlineFlow
from producers.trades.lines import Lines
from producers.trades.packing.flush_tick import FlushTick
from producers.trades.publisher import Publisher
from producers.trades.repair import Repair
from producers.trades.rest_answers import hear_time
from producers.trades.resume import Past, read_past
from producers.trades.roster import Roster
from producers.trades.symbol_stream import SymbolFlow
from producers.watchdog import STALL_S, delivering, watched
from schemas.errors import ConfigurationError, PoisonMessage, Transient
from schemas.market import Candle
from schemas.settings import Settings

_log = EventLog(__name__)
SERVE_S: Final = 0.02
QUIET_S: Final = 0.25
ROSTER_S: Final = 0.5
SUMMARY_S: Final = 60.0
CLOCK_S: Final = 60.0
LEAP_S: Final = 1.0
REQUESTS_AT_A_TIME: Final = 4
DELIVERY_S: Final = 10.0


class Follower:
    """Follows the symbols until cancelled, and publishes ready trades before it returns.

    Symbols come and go while it runs: `Roster` says which, `Lines` carries them.
    """

    def __init__(
        self,
        settings: Settings,
        publisher: Publisher,
        rest: RestClient,
        followed: FollowedSymbols,
    ) -> None:
        self._settings = settings
        self._publisher = publisher
        self._rest = rest
        self._clock = ExchangeClock(ahead_ms=int(settings.stream.ahead_s * 1000))
        self._counts = Counts()
        self._tick = FlushTick(settings.stream)
        self._standstill = Standstill()
        self._flows: dict[str, SymbolFlow] = {}
        self._repairs: dict[str, asyncio.Task[None]] = {}
        self._requests = asyncio.Semaphore(REQUESTS_AT_A_TIME)
        self._roster = Roster(settings, rest, publisher, followed, self._newest_ms)
        self._lines = Lines(
            settings.binance.stream_url, self._connect, self._lose_sight, settings.stream
        )
        self._klines = KlineFlow(
            publisher,
            self._counts,
            self._stream_ms,
            self._clock,
            self._is_traded,
            unheard=self._compare,
        )
        self._dispatch = Dispatch(self._flows, self._klines, publisher, self._counts, self._clock)
        rest.refuse = self._bury_answer

    @property
    def names(self) -> tuple[str, ...]:
        """The symbols that are followed."""
        return self._roster.names

    def figures(self) -> Figures:
        """Return the figures of this moment; it may be asked from any thread."""
        counted = asdict(self._counts)
        more = {"attempts": self._lines.attempts, "frames": self._dispatch.taken}
        now_ms, flows = steady_ms(), list(self._flows.values())
        return Figures(
            counted | more,
            symbols=len(flows),
            gaps_open=sum(flow.continuity.hole is not None for flow in flows),
            unacknowledged=self._publisher.records.waiting,
            clock_offset_ms=self._clock.now_ms(now_ms) - wall_ms() if self._clock.is_set else None,
            weight_used=self._rest.budget.used,
        )

    async def run(self, past: Mapping[str, Past]) -> None:
        """Follow the symbols from the end of their past, until cancelled.

        Args:
            past: What earlier runs left of the symbols that are followed at first.

        Raises:
            ConfigurationError: An address is wrong, or a topic is missing.
        """
        stream, kafka = self._settings.stream, self._settings.kafka
        try:
            async with (
                watched(self._done, self._has_input, limit_s=STALL_S + stream.silence_s),
                delivering(kafka, self._publisher.records),
                asyncio.TaskGroup() as tasks,
            ):
                for symbol in past:
                    self._join(symbol)
                self._lines.carry(tuple(past), tasks)
                # The sockets are read even while REST does not answer.
                tasks.create_task(self._roster.run())
                tasks.create_task(self._watch_clock())
                tasks.create_task(self._serve())
                for symbol in past:
                    self._repair(symbol, past[symbol], tasks)
                tasks.create_task(self._klines.repair(self._rest))
                tasks.create_task(self._watch_quiet())
                tasks.create_task(self._summarise())
                tasks.create_task(self._follow_roster(tasks))
        finally:
            self._deliver()

    def _done(self) -> int:
        return self._dispatch.taken + self._publisher.records.done + self._lines.attempts

    def _has_input(self) -> bool:
        return self._lines.is_open

    async def _follow_roster(self, tasks: asyncio.TaskGroup) -> None:
        while True:
            names = self._roster.names
            for symbol in self._flows.keys() - set(names):
                self._leave(symbol)
            await self._join_new([s for s in names if s not in self._flows], tasks)
            self._lines.carry(tuple(self._flows), tasks)
            for symbol, flow in self._flows.items():
                flow.is_traded = self._roster.is_traded(symbol)
            await asyncio.sleep(ROSTER_S)

    async def _join_new(self, symbols: list[str], tasks: asyncio.TaskGroup) -> None:
        if not symbols:
            return
        try:
            past = await asyncio.to_thread(self._past_of, symbols)
        except ConfigurationError as error:  # Kafka is away: the others go on, these wait for it
            _log.warning(
                "symbols_wait", "{error}; {symbols} wait", error=error, symbols=", ".join(symbols)
            )
            return
        _log.info("symbols_added", "also following {symbols}", symbols=", ".join(symbols))
        for symbol in symbols:
            self._join(symbol)
            self._repair(symbol, past[symbol], tasks)

    def _past_of(self, symbols: list[str]) -> dict[str, Past]:
        return read_past(self._settings.kafka, symbols)

    def _join(self, symbol: str) -> None:
        flow = SymbolFlow(
            symbol,
            self._publisher,
            self._settings,
            self._counts,
            partial(self._stream_ms, symbol),
            clock=self._clock,
            tick=self._tick,
        )
        flow.is_traded = self._roster.is_traded(symbol)
        self._flows[symbol] = flow
        self._klines.add(symbol)

    def _repair(self, symbol: str, past: Past, tasks: asyncio.TaskGroup) -> None:
        flow = self._flows[symbol]
        repair = Repair(
            flow,
            self._rest,
            self._requests,
            self._klines,
            self._bury_answer,
            standstill=self._standstill,
        )
        self._repairs[symbol] = tasks.create_task(self._keep_whole(symbol, repair, past))

    async def _keep_whole(self, symbol: str, repair: Repair, past: Past) -> None:
        await self._lines.opened(symbol)  # so that REST's answers reach what the line brings
        await repair.run(past)

    def _leave(self, symbol: str) -> None:
        """Follow a symbol no more; what is not published yet comes if it is added again."""
        _log.info("symbol_removed", "following {symbol} no more", symbol=symbol)
        if symbol in self._repairs:
            self._repairs.pop(symbol).cancel()
        self._flows.pop(symbol).leave()
        self._klines.remove(symbol)

    def _is_traded(self, symbol: str) -> bool:
        flow = self._flows.get(symbol)
        return flow is not None and flow.is_traded is not False

    def _newest_ms(self, symbol: str) -> int:
        flow = self._flows.get(symbol)
        return -1 if flow is None else flow.newest_event_ms

    async def _connect(self, address: StreamAddress) -> Connection:
        return await open_connection(
            address,
            self._dispatch.take,
            self._dispatch.hear_ping,
            client=self._settings.stream.websocket_client,
            pause_ms=self._settings.stream.read_pause_ms,
        )

    async def _watch_clock(self) -> None:
        failures, due_s = 0, 0.0
        while True:
            await asyncio.sleep(LEAP_S if due_s else 0)
            if not self._clock.is_leaping and time.monotonic() < due_s:
                continue
            try:
                await hear_time(self._rest, self._clock)
            except Transient as error:
                failures += 1
                await asyncio.sleep(max(back_off_s(failures), error.retry_after_s))
            else:
                failures = 0
                due_s = time.monotonic() + CLOCK_S

    def _bury_answer(self, error: PoisonMessage) -> None:
        self._dispatch.bury_once(error, self._rest.address)

    def _stream_ms(self, symbol: str) -> int:
        return self._lines.newest_event_ms(symbol)

    def _lose_sight(self, symbols: Iterable[str], opened_ms: int) -> None:
        for symbol in symbols:
            if symbol in self._flows:
                self._flows[symbol].lose_sight(opened_ms)

    def _compare(self, candle: Candle) -> None:
        flow = self._flows.get(candle.symbol)
        if flow is not None and is_unheard(candle, flow.newest_event_ms):
            flow.lose_sight()

    async def _serve(self) -> None:
        while True:
            self._standstill.look(steady_ms() / 1000)
            self._publisher.serve()
            self._dispatch.send_dead_letters()
            await asyncio.sleep(SERVE_S)

    async def _watch_quiet(self) -> None:
        while True:
            for flow in self._flows.values():
                flow.tell_quiet()
            await asyncio.sleep(QUIET_S)

    async def _summarise(self) -> None:
        while True:
            before = asdict(self._counts)
            await asyncio.sleep(SUMMARY_S)
            self._count_flows()
            counts = self._counts.since(before)
            _log.info(
                "stream_summary",
                "{summary}, used weight {used} of {limit}",
                summary=summary(counts),
                used=self._rest.budget.used,
                limit=self._rest.budget.limit,
                **counts,
            )

    def _count_flows(self) -> None:
        for flow in self._flows.values():
            duplicates, left_to_rest = flow.continuity.take_counts()
            self._counts.duplicates += duplicates
            self._counts.left_to_rest += left_to_rest

    def _deliver(self) -> None:
        for flow in self._flows.values():
            flow.flush()
        unsent = self._publisher.close(DELIVERY_S)
        if unsent:
            _log.warning(
                "records_undelivered",
                "{records} records did not reach Kafka; the next start fetches them",
                records=unsent,
            )
