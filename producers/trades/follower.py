"""The running stream: sockets, repairs and timers of all symbols, wired together."""

import asyncio
import logging
import time
from collections.abc import Mapping
from functools import partial
from typing import Final

from producers.binance.rest import RestClient
from producers.binance.urls import StreamAddress, stream_addresses
from producers.binance.websocket import open_connection
from producers.trades.connections import Attempts, RotatingConnection, back_off_s
from producers.trades.counters import Counts
from producers.trades.dispatch import Dispatch
from producers.trades.exchange_clock import ExchangeClock
from producers.trades.kline_stream import KlineFlow
from producers.trades.publisher import Publisher
from producers.trades.repair import Repair
from producers.trades.rest_answers import hear_time
from producers.trades.resume import Past
from producers.trades.symbol_stream import SymbolFlow
from producers.watchdog import STALL_S, delivering, watched
from schemas.errors import PoisonMessage, Transient
from schemas.settings import Settings

log = logging.getLogger(__name__)
SERVE_S: Final = 0.02
QUIET_S: Final = 0.25
SUMMARY_S: Final = 60.0
CLOCK_S: Final = 60.0
LEAP_S: Final = 1.0
REQUESTS_AT_A_TIME: Final = 4
DELIVERY_S: Final = 10.0


class Follower:
    """Follows the symbols until cancelled, and publishes ready trades before it returns."""

    def __init__(self, settings: Settings, publisher: Publisher, rest: RestClient) -> None:
        self._settings = settings
        self._publisher = publisher
        self._rest = rest
        self._clock = ExchangeClock(ahead_ms=int(settings.stream.ahead_s * 1000))
        self._counts = Counts()
        self._lines: dict[str, RotatingConnection] = {}
        self._flows = {
            symbol: SymbolFlow(
                symbol,
                publisher,
                settings,
                self._counts,
                partial(self._stream_ms, symbol),
                clock=self._clock,
            )
            for symbol in settings.symbols
        }
        self._klines = KlineFlow(
            settings.symbols, publisher, self._counts, self._stream_ms, self._clock
        )
        self._dispatch = Dispatch(self._flows, self._klines, publisher, self._counts, self._clock)
        rest.refuse = self._bury_answer

    async def run(self, past: Mapping[str, Past]) -> None:
        """Follow all symbols from the end of their past, until cancelled.

        Raises:
            ConfigurationError: A symbol or an address is wrong, or a topic is missing.
        """
        requests = asyncio.Semaphore(REQUESTS_AT_A_TIME)
        attempts, stream = Attempts(), self._settings.stream
        addresses = stream_addresses(self._settings.binance.stream_url, self._settings.symbols)
        servers = self._settings.kafka.bootstrap_servers
        try:
            async with (
                watched(self._done, self._has_input, limit_s=STALL_S + stream.silence_s),
                delivering(servers, lambda: self._publisher.done, lambda: self._publisher.waiting),
                asyncio.TaskGroup() as tasks,
            ):
                lines = [self._line(address, attempts) for address in addresses]
                for line in lines:
                    tasks.create_task(line.run())
                # The sockets are read even while REST does not answer.
                tasks.create_task(self._learn_limits())
                tasks.create_task(self._watch_clock())
                for line in lines:
                    await line.opened.wait()
                for symbol, flow in self._flows.items():
                    repair = Repair(flow, self._rest, requests, self._klines, self._bury_answer)
                    tasks.create_task(repair.run(past[symbol]))
                tasks.create_task(self._klines.repair(self._rest))
                tasks.create_task(self._serve())
                tasks.create_task(self._watch_quiet())
                tasks.create_task(self._summarise())
        finally:
            self._deliver()

    def _done(self) -> int:
        tried = sum(line.attempts for line in set(self._lines.values()))
        return self._dispatch.taken + self._publisher.done + tried

    def _has_input(self) -> bool:
        return any(line.is_open for line in self._lines.values())

    async def _learn_limits(self) -> None:
        failures = 0
        while self._rest.budget.limit is None:
            try:
                await self._rest.learn_limits(self._settings.symbols)
            except Transient as error:
                failures += 1
                log.warning("%s; check CANDLEWICK_BINANCE__REST_URL if this continues", error)
                await asyncio.sleep(max(back_off_s(failures), error.retry_after_s))

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

    def _line(self, address: StreamAddress, attempts: Attempts) -> RotatingConnection:
        line = RotatingConnection(
            partial(open_connection, address, self._dispatch.take),
            partial(self._lose_sight, address),
            self._settings.stream,
            attempts,
        )
        self._lines |= dict.fromkeys(address.symbols, line)
        return line

    def _stream_ms(self, symbol: str) -> int:
        return self._lines[symbol].newest_event_ms

    def _lose_sight(self, address: StreamAddress) -> None:
        for symbol in address.symbols:
            self._flows[symbol].lose_sight()

    async def _serve(self) -> None:
        while True:
            self._publisher.serve()
            self._dispatch.send_dead_letters()
            for flow in self._flows.values():
                flow.flush_waiting()
            await asyncio.sleep(SERVE_S)

    async def _watch_quiet(self) -> None:
        while True:
            for flow in self._flows.values():
                flow.tell_quiet()
            await asyncio.sleep(QUIET_S)

    async def _summarise(self) -> None:
        while True:
            await asyncio.sleep(SUMMARY_S)
            self._count_flows()
            used, limit = self._rest.budget.used, self._rest.budget.limit
            log.info("%s, used weight %s of %s", self._counts.summary(), used, limit)

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
            log.warning("%s records did not reach Kafka; the next start fetches them", unsent)
