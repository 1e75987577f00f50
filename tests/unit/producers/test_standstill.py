"""A hole is given up for REST's delay, not for a time in which the whole process stood still."""

import asyncio
from typing import TYPE_CHECKING, cast

import pytest

import clients.clock
from clients.clock import steady_ms
from clients.process import Standstill
from producers.trades.counters import Counts
from producers.trades.exchange_clock import ExchangeClock
from producers.trades.kline_stream import KlineFlow
from producers.trades.packing.flush_tick import FlushTick
from producers.trades.repair import Repair
from producers.trades.resume import Past
from producers.trades.symbol_stream import SymbolFlow
from schemas.market import Candle, Gap, GapState, Trade, TradeBlock
from schemas.settings import Settings
from schemas.symbols import SymbolChoice
from tests.support.builders import START_MS, a_trade

if TYPE_CHECKING:
    from collections.abc import Callable

    from producers.binance.rest import RestClient

pytestmark = pytest.mark.anyio
WITHIN_S = 10.0
FROZEN_MS = 90_000


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Machine:
    """A process whose steady clock can jump, and all that it looks at when it goes on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._own_ns, self._ahead_ns = clients.clock._steady_ns, 0
        monkeypatch.setattr(clients.clock, "_steady_ns", lambda: self._own_ns() + self._ahead_ns)
        self.standstill = Standstill()

    def pass_ms(self, milliseconds: int) -> None:
        self._ahead_ns += milliseconds * 1_000_000
        self.standstill.look(steady_ms() / 1000)


class Rest:
    """Has the trades 1 to 6, and is asked for one by one; `lag` is called before each answer."""

    def __init__(self) -> None:
        self.closed: set[str] = set()
        self.asked = 0
        self.lag: Callable[[], None] | None = None

    async def trades_from(self, _symbol: str, agg_id: int) -> list[Trade]:
        self.asked += 1
        await asyncio.sleep(0)
        if self.lag is not None:
            self.lag()
            return []
        return [a_trade(number) for number in range(agg_id, 7)]

    async def newest_trade(self, _symbol: str) -> Trade:
        return a_trade(6)


class Outlet:
    """Keeps what is published."""

    def __init__(self) -> None:
        self.ids: list[int] = []
        self.states: list[str] = []
        self.ended = asyncio.Event()

    def send(self, record: TradeBlock | Candle | Gap | SymbolChoice) -> bool:
        if isinstance(record, TradeBlock):
            self.ids += range(record.first_agg_id, record.next_agg_id)
        if isinstance(record, Gap):
            self.states.append(record.state)
            if record.state != GapState.FOUND:
                self.ended.set()
        return True


async def repaired(machine: Machine, rest: Rest, outlet: Outlet) -> None:
    """Let the trades 2 to 4 be missing until their hole has ended in one way or the other."""
    settings, clock, counts = Settings(), ExchangeClock(ahead_ms=5_000), Counts()
    clock.hear("REST", START_MS, steady_ms())
    flow = SymbolFlow(
        "BTCUSDT",
        outlet,
        settings,
        counts,
        lambda: START_MS,
        clock=clock,
        tick=FlushTick(settings.stream),
    )
    flow.continuity.start(1, now_ms=steady_ms())
    flow.offer(a_trade(1))
    flow.offer(a_trade(5))
    flow.offer(a_trade(6))
    repair = Repair(
        flow,
        cast("RestClient", rest),
        asyncio.Semaphore(4),
        KlineFlow(outlet, counts, lambda _: START_MS, clock, lambda _: True),
        lambda error: pytest.fail(str(error)),
        standstill=machine.standstill,
    )
    running = asyncio.create_task(repair.run(Past()))
    async with asyncio.timeout(WITHIN_S):
        await outlet.ended.wait()
    running.cancel()
    await asyncio.wait({running})
    flow.flush()


async def test_hole_is_filled_after_the_process_stood_still(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    machine, rest, outlet = Machine(monkeypatch), Rest(), Outlet()

    def stand_still() -> None:
        rest.lag = None
        machine.pass_ms(FROZEN_MS)

    rest.lag = stand_still
    await repaired(machine, rest, outlet)

    assert outlet.states == [GapState.FOUND, GapState.REPAIRED]
    assert outlet.ids == [1, 2, 3, 4, 5, 6]


async def test_answers_of_rest_that_take_long_and_bring_nothing_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    machine, rest, outlet = Machine(monkeypatch), Rest(), Outlet()

    def take_long() -> None:
        for _ in range(20):
            machine.pass_ms(1_000)

    rest.lag = take_long
    await repaired(machine, rest, outlet)

    assert outlet.states == [GapState.FOUND, GapState.GIVEN_UP]
    assert rest.asked > 1
