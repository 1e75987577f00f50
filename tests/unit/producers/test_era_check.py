"""REST contradicts a trade that we hold: the symbol goes on, and no era begins for it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, cast

import pytest

from clients.clock import steady_ms
from clients.process import Standstill
from producers.trades.counters import Counts
from producers.trades.exchange_clock import ExchangeClock
from producers.trades.kline_stream import KlineFlow
from producers.trades.packing.flush_tick import FlushTick
from producers.trades.repair import Repair
from producers.trades.resume import Past
from producers.trades.symbol_stream import SymbolFlow
from schemas.errors import ConfigurationError
from schemas.market import Candle, Gap, GapState, Trade, TradeBlock
from schemas.settings import Settings
from schemas.symbols import SymbolChoice
from tests.support.builders import START_MS, a_block, a_trade

if TYPE_CHECKING:
    from producers.binance.rest import RestClient
    from schemas.errors import PoisonMessage

pytestmark = pytest.mark.anyio
WITHIN_S = 10.0
# Trades 1 to 8 are held, 9 is lost on the stream, which goes on with 10.
TRUE = [a_trade(i, event_ms=START_MS + i * 500, first_trade_id=100 + i) for i in range(1, 16)]
NOW_MS = START_MS + 8_000


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@dataclass(slots=True)
class Rest:
    """Has these trades, and counts what it is asked."""

    trades: Sequence[Trade]
    closed: set[str] = field(default_factory=set)
    asked: int = 0

    async def trades_from(self, _symbol: str, agg_id: int) -> list[Trade]:
        await self._answer()
        return [trade for trade in self.trades if trade.agg_id >= agg_id]

    async def newest_trade(self, _symbol: str) -> Trade:
        await self._answer()
        return self.trades[-1]

    async def newest_trades(self, _symbol: str, most: int) -> list[Trade]:
        await self._answer()
        return [*self.trades[-most:]]

    async def first_trade_since(self, _symbol: str, since_ms: int) -> Trade | None:
        await self._answer()
        return next((trade for trade in self.trades if trade.event_ms >= since_ms), None)

    async def _answer(self) -> None:
        self.asked += 1
        await asyncio.sleep(0.01)


class Scene:
    """One symbol with its repair, and all that it published and buried."""

    def __init__(self, rest: Rest, now_ms: int = NOW_MS) -> None:
        settings, clock, counts = Settings(), ExchangeClock(ahead_ms=5_000), Counts()
        clock.hear("REST", now_ms, steady_ms())
        self.rest = rest
        self.ids: list[int] = []
        self.gaps: list[tuple[str, int, int]] = []
        self.buried: list[PoisonMessage] = []
        self._filled = asyncio.Event()
        self.flow = SymbolFlow(
            "BTCUSDT",
            self,
            settings,
            counts,
            lambda: now_ms,
            clock=clock,
            tick=FlushTick(settings.stream),
        )
        self._repair = Repair(
            self.flow,
            cast("RestClient", rest),
            asyncio.Semaphore(4),
            KlineFlow(self, counts, lambda _: now_ms, clock, lambda _: True),
            self.buried.append,
            standstill=Standstill(),
        )

    def send(self, record: TradeBlock | Candle | Gap | SymbolChoice) -> bool:
        if isinstance(record, TradeBlock):
            self.ids += range(record.first_agg_id, record.next_agg_id)
        if isinstance(record, Gap):
            self.gaps.append((record.state, record.first_agg_id, record.last_agg_id))
            if record.state == GapState.REPAIRED:
                self._filled.set()
        return True

    def hear(self, *trades: Trade) -> None:
        for trade in trades:
            self.flow.offer(trade)

    async def run_until_filled(self, past: Past) -> None:
        running = asyncio.create_task(self._repair.run(past))
        async with asyncio.timeout(WITHIN_S):
            await self._filled.wait()
        await self._end(running)

    async def run_for(self, seconds: float, past: Past) -> None:
        running = asyncio.create_task(self._repair.run(past))
        await asyncio.wait({running}, timeout=seconds)
        await self._end(running)

    async def _end(self, running: asyncio.Task[None]) -> None:
        running.cancel()
        await asyncio.wait({running})
        if not running.cancelled() and (error := running.exception()):
            raise error
        self.flow.flush()


def started(*trades: Trade, rest: Sequence[Trade] = TRUE) -> Scene:
    scene = Scene(Rest(rest))
    scene.flow.continuity.start(1, now_ms=steady_ms())
    scene.hear(*trades)
    scene.flow.flush()
    return scene


def told_wrongly(trade: Trade, what: str) -> Trade:
    return {
        "price": replace(trade, price_e8=trade.price_e8 + 1),
        "a trade of the one before": replace(trade, first_trade_id=trade.first_trade_id - 1),
        "time": replace(trade, event_ms=trade.event_ms + 1),
    }[what]


@pytest.mark.parametrize("what", ["price", "a trade of the one before", "time"])
async def test_a_hole_is_filled_behind_a_trade_that_rest_tells_in_another_way(what: str) -> None:
    scene = started(*TRUE[:7], told_wrongly(TRUE[7], what), *TRUE[9:])

    await scene.run_until_filled(Past())

    assert scene.ids == [*range(1, 16)]
    assert scene.gaps[-1] == (GapState.REPAIRED, 9, 9)


@pytest.mark.parametrize("what", ["price", "a trade of the one before", "time"])
async def test_a_run_goes_on_behind_a_last_trade_that_rest_tells_in_another_way(what: str) -> None:
    scene, last = Scene(Rest(TRUE)), told_wrongly(TRUE[7], what)

    past = Past(last_block=a_block([last]), newest=(*TRUE[:7], last))
    await scene.run_until_filled(past)

    assert scene.ids == [*range(9, 16)]


async def test_eight_trades_that_rest_tells_in_another_way_are_no_new_era() -> None:
    others = [told_wrongly(trade, "a trade of the one before") for trade in TRUE[:8]]
    scene = started(*others, *TRUE[9:])

    await scene.run_until_filled(Past())

    assert scene.flow.continuity.queue.era == 0
    assert scene.ids == [*range(1, 16)]


@pytest.mark.parametrize("also", [{}, {"event_ms": TRUE[7].event_ms + 5_000}])
async def test_rest_is_asked_seldom_whose_newest_trade_has_our_id(also: dict[str, int]) -> None:
    theirs = replace(TRUE[7], last_trade_id=TRUE[7].last_trade_id + 1, **also)
    scene = started(*TRUE[:8], rest=[*TRUE[:7], theirs])
    scene.flow.lose_sight()
    scene.flow.unproven_ms -= 5_000

    await scene.run_for(1.0, Past())

    assert scene.rest.asked < 10
    assert scene.flow.continuity.proven


LATER = a_trade(9, event_ms=START_MS + 7_200_000)


async def test_a_trade_after_hours_that_rest_has_not_yet_ends_no_stream() -> None:
    scene = Scene(Rest(TRUE[:8]), LATER.event_ms)

    past = Past(last_block=a_block([LATER]), newest=(*TRUE[1:8], LATER))
    await scene.run_for(0.3, past)

    assert not scene.flow.eras


async def test_one_answer_that_is_long_before_all_trades_is_looked_at_again() -> None:
    scene = Scene(Rest(TRUE[:3]), LATER.event_ms)
    running = scene.run_for(4.0, Past(last_block=a_block([LATER]), newest=(LATER,)))

    async def go_on() -> None:
        while not scene.rest.asked:  # noqa: ASYNC110 - until the first question
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        scene.rest.trades = [*TRUE[:8], LATER]

    await asyncio.gather(running, go_on())

    assert scene.rest.asked > 1


async def test_an_exchange_that_stays_long_before_all_trades_is_another_one() -> None:
    scene = Scene(Rest(TRUE[:3]), LATER.event_ms)

    with pytest.raises(ConfigurationError, match="another exchange"):
        await scene.run_for(WITHIN_S, Past(last_block=a_block([LATER]), newest=(LATER,)))

    assert scene.rest.asked == 2


def of_a_new_era(now_ms: int) -> list[Trade]:
    return [a_trade(i, event_ms=now_ms - 60_000 + i * 100, price_e8=7) for i in range(300)]


@pytest.mark.parametrize("before_ms", [START_MS - 8_000, -1])
async def test_a_given_up_gap_is_not_filled_with_trades_of_a_new_era(before_ms: int) -> None:
    now_ms = START_MS + 3_600_000
    held = [a_trade(i, event_ms=START_MS + i) for i in range(900, 908)]
    gap = Gap(
        "BTCUSDT", 50, 59, -1, before_ms, GapState.GIVEN_UP.value, START_MS, START_MS, "ids jump"
    )
    scene = Scene(Rest(of_a_new_era(now_ms)), now_ms)
    scene.flow.lose_sight()

    past = Past(
        last_block=a_block(held),
        newest=tuple(held),
        open_gaps=[gap],
        held=[(1, 50), (60, 908)],
    )
    await scene.run_for(3.0, past)

    assert (GapState.REPAIRED, 50, 59) not in scene.gaps
    assert scene.ids == [*range(300)]
    assert scene.flow.continuity.queue.era == 1
