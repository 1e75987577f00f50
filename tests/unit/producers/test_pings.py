"""A ping never says more than what was read: after a standstill, trades may lie behind it."""

import asyncio
import socket
from collections.abc import Callable, Sequence

import orjson
import pytest

from clients.clock import steady_ms
from producers.binance.signs_of_life import SignsOfLife
from producers.binance.sockets.inbox import Inbox
from producers.binance.urls import StreamAddress
from producers.binance.websocket import Connection
from producers.trades.counters import Counts
from producers.trades.dispatch import PING_BEHIND_MS, Dispatch
from producers.trades.exchange_clock import ExchangeClock
from producers.trades.kline_stream import KlineFlow
from producers.trades.packing.flush_tick import FlushTick
from producers.trades.symbol_stream import SymbolFlow
from schemas.dead_letters import Origin
from schemas.market import Candle, Gap, TradeBlock
from schemas.settings import Settings
from schemas.symbols import SymbolChoice
from tests.support.builders import START_MS

pytestmark = pytest.mark.anyio
WITHIN_S = 10.0
SYMBOL = "DOTUSDT"
PING = b"ping"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Wire:
    """A socket that reads one datagram a turn of the loop: a backlog takes several reads."""

    def __init__(self) -> None:
        self.inbox = Inbox()
        self._here, self._there = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._here.setblocking(False)  # noqa: FBT003 - the library's own signature
        self._ended = asyncio.Event()
        asyncio.get_running_loop().add_reader(self._here, self._read)

    def send(self, data: bytes) -> None:
        self._there.send(data)

    def _read(self) -> None:
        data = self._here.recv(65_536)
        if data == PING:
            self.inbox.ping()
        else:
            self.inbox.add(data, begins=True, ends=True)
            self.inbox.deliver()

    def pause(self) -> None:
        pass

    def resume(self) -> None:
        pass

    async def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._here)
        self._here.close()
        self._there.close()
        self._ended.set()

    async def ended(self) -> None:
        await self._ended.wait()


class Stream:
    """One symbol whose connection was not read for 90 s; the exchange's clock shows `START_MS`."""

    def __init__(self) -> None:
        self.blocks: list[TradeBlock] = []
        settings, counts, clock = Settings(), Counts(), ExchangeClock(ahead_ms=5_000)
        clock.hear("REST", START_MS, steady_ms())
        self.wire = Wire()
        self.flow = SymbolFlow(
            SYMBOL,
            self,
            settings,
            counts,
            lambda: self.connection.newest_event_ms,
            clock=clock,
            tick=FlushTick(settings.stream),
        )
        self.flow.continuity.start(1, now_ms=steady_ms())
        klines = KlineFlow(self, counts, lambda _: 0, clock, lambda _: True)
        dispatch = Dispatch({SYMBOL: self.flow}, klines, self, counts, clock)
        self.connection = Connection(
            self.wire, StreamAddress("ws://exchange", (SYMBOL,)), dispatch.take, dispatch.hear_ping
        )
        self.connection.life = SignsOfLife(steady_ms() - 90_000)

    def send(self, record: TradeBlock | Candle | Gap | SymbolChoice) -> bool:
        if isinstance(record, TradeBlock):
            self.blocks.append(record)
        return True

    def send_dead_letter(self, raw: bytes, origin: Origin) -> bool:
        raise AssertionError(f"{origin.reason}: {raw!r}")

    async def reads(self, frames: Sequence[bytes], *, until: Callable[[], bool]) -> None:
        for one in frames:
            self.wire.send(one)
        async with asyncio.timeout(WITHIN_S):
            while not until():
                await asyncio.sleep(0)
                self.flow.flush()
        await self.connection.close()


def a_trade_frame(agg_id: int, event_ms: int) -> bytes:
    fields = {"e": "aggTrade", "E": event_ms, "s": SYMBOL, "a": agg_id, "p": "1", "q": "1"}
    fields |= {"f": agg_id, "l": agg_id, "T": event_ms, "m": True}
    return orjson.dumps({"stream": "dotusdt@aggTrade", "data": fields})


async def test_ping_of_before_a_standstill_says_nothing_of_trades_that_are_not_read_yet() -> None:
    stream = Stream()
    times_ms = [START_MS - 89_000, START_MS - 70_000, START_MS - 50_000]
    trades = [a_trade_frame(number, at_ms) for number, at_ms in enumerate(times_ms, start=1)]

    await stream.reads([PING, *trades], until=lambda: stream.flow.continuity.next_id > 3)

    assert [block.first_agg_id for block in stream.blocks] == [1, 2, 3]
    for block, next_ms in zip(stream.blocks, times_ms[1:], strict=False):
        assert block.watermark_ms < next_ms
    assert stream.connection.newest_event_ms == times_ms[-1]


async def test_ping_that_a_network_held_back_says_nothing_of_trades_that_come_just_behind_it() -> (
    None
):
    stream, turns_left = Stream(), 20

    def send_later() -> None:
        nonlocal turns_left
        turns_left -= 1
        if turns_left:
            asyncio.get_running_loop().call_soon(send_later)
        else:
            stream.wire.send(a_trade_frame(1, START_MS - 89_000))

    send_later()
    await stream.reads([PING], until=lambda: stream.connection.newest_event_ms >= 0)

    assert stream.connection.newest_event_ms == START_MS - 89_000


async def test_ping_with_nothing_behind_it_says_how_far_the_stream_is() -> None:
    stream = Stream()

    await stream.reads([PING], until=lambda: stream.connection.newest_event_ms >= 0)

    assert stream.connection.newest_event_ms >= START_MS - PING_BEHIND_MS
