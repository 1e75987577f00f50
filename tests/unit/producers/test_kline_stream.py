"""Candles that the stream did not bring, and answers of REST that come too late to count."""

import asyncio
from typing import TYPE_CHECKING, cast

import pytest

from clients.clock import steady_ms
from producers.trades.counters import Counts
from producers.trades.exchange_clock import ExchangeClock
from producers.trades.kline_stream import KlineFlow
from schemas.market import Candle, Gap, TradeBlock
from schemas.symbols import SymbolChoice
from schemas.timeframe import Interval
from tests.support.builders import MINUTE_MS, START_MS, a_candle

if TYPE_CHECKING:
    from producers.binance.rest import RestClient

pytestmark = pytest.mark.anyio
WITHIN_S = 10.0
NEWEST_MS = START_MS + 60 * MINUTE_MS


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Outlet:
    """Keeps the opening times of what is published."""

    def __init__(self) -> None:
        self.opened: list[int] = []
        self.is_whole = asyncio.Event()

    def send(self, record: TradeBlock | Candle | Gap | SymbolChoice) -> bool:
        assert isinstance(record, Candle)
        self.opened.append(record.open_ms)
        if record.open_ms == NEWEST_MS:
            self.is_whole.set()
        return True


class Rest:
    """Has every candle of a minute; the stream goes on with the present while it answers first."""

    def __init__(self) -> None:
        self.klines: KlineFlow
        self.skips_to_ms = -1

    async def candles_since(self, _symbol: str, interval: Interval, open_ms: int) -> list[Candle]:
        await asyncio.sleep(0)
        if interval is not Interval.ONE_MINUTE:
            return []
        if self.skips_to_ms >= 0:
            self.klines.start("BTCUSDT", self.skips_to_ms, {})
            self.klines.offer(a_candle(open_ms=NEWEST_MS))
            self.skips_to_ms = -1
            return [a_candle(open_ms=open_ms)]
        return [a_candle(open_ms=at) for at in range(open_ms, NEWEST_MS + MINUTE_MS, MINUTE_MS)]


async def test_answer_to_an_older_question_skips_no_candle() -> None:
    outlet, rest, clock = Outlet(), Rest(), ExchangeClock(ahead_ms=5_000)
    stream_ms = NEWEST_MS + 2 * MINUTE_MS
    clock.hear("REST", stream_ms, steady_ms())
    asked_for = list[int]()
    klines = rest.klines = KlineFlow(
        outlet,
        Counts(),
        lambda _: stream_ms,
        clock,
        lambda _: True,
        unheard=lambda candle: asked_for.append(candle.open_ms),
    )
    klines.add("BTCUSDT")
    klines.start("BTCUSDT", START_MS, {})
    rest.skips_to_ms = first_ms = NEWEST_MS - 30 * MINUTE_MS

    repairing = asyncio.create_task(klines.repair(cast("RestClient", rest)))
    async with asyncio.timeout(WITHIN_S):
        await outlet.is_whole.wait()
    repairing.cancel()
    await asyncio.wait({repairing})

    assert outlet.opened == list(range(first_ms, NEWEST_MS + MINUTE_MS, MINUTE_MS))
    assert set(asked_for) >= set(outlet.opened)  # each says whether trades have come
