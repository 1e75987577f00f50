"""What frames of the exchange may do to the flows of all symbols, and what they may not."""

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

import orjson
import pytest

from clients.clock import steady_ms
from producers.binance.signs_of_life import SignsOfLife
from producers.binance.urls import StreamAddress
from producers.trades.counters import Counts
from producers.trades.dispatch import Dispatch
from producers.trades.exchange_clock import ExchangeClock
from producers.trades.kline_stream import KlineFlow
from producers.trades.packing.flush_tick import FlushTick
from producers.trades.symbol_stream import SymbolFlow
from schemas.dead_letters import Origin
from schemas.errors import PoisonMessage
from schemas.market import JITTER_MS, Candle, Gap, TradeBlock
from schemas.settings import Settings
from schemas.validation import validate
from tests.support.builders import MINUTE_MS, START_MS, a_trade

if TYPE_CHECKING:
    from producers.binance.websocket import Connection

SYMBOLS = ("BTCUSDT", "ETHUSDT", "DOTUSDT")
HOUR_MS = 3_600_000
pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@dataclass(slots=True)
class Socket:
    """What a dispatch needs of a connection."""

    address: StreamAddress = field(default_factory=lambda: StreamAddress("ws://exchange", SYMBOLS))
    newest_event_ms: int = -1
    opened_ms: int = field(default_factory=steady_ms)
    ending: bool = False
    life: SignsOfLife = field(default_factory=lambda: SignsOfLife(steady_ms()))


@dataclass(slots=True)
class Kafka:
    """Keeps what is sent."""

    records: list[TradeBlock | Candle | Gap] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)

    def send(self, record: TradeBlock | Candle | Gap) -> bool:
        validate(record)
        self.records.append(record)
        return True

    def send_dead_letter(self, raw: bytes, origin: Origin) -> bool:
        assert raw
        assert origin.source == "ws://exchange"
        self.reasons.append(origin.reason)
        return True


class Market:
    """Frames of three symbols to a dispatch; the exchange's clock is not the machine's."""

    def __init__(self, begin_ms: int = START_MS) -> None:
        self.kafka, self.socket, clock = Kafka(), Socket(), ExchangeClock(ahead_ms=5_000)
        self._offset_ms = begin_ms - steady_ms()
        settings, counts = Settings(), Counts()
        tick = FlushTick(settings.stream)
        self.flows = {
            name: SymbolFlow(
                name, self.kafka, settings, counts, self.stream_ms, clock=clock, tick=tick
            )
            for name in SYMBOLS
        }
        for flow in self.flows.values():
            flow.continuity.start(1, now_ms=steady_ms())
        self.klines = KlineFlow(self.kafka, counts, self.stream_ms, clock, lambda _: True)
        for name in SYMBOLS:
            self.klines.add(name)
        self.dispatch = Dispatch(self.flows, self.klines, self.kafka, counts, clock)
        clock.hear("REST", self.now_ms, steady_ms())
        for name in SYMBOLS:
            self.trade(name, 1)

    def stream_ms(self, _symbol: str = "") -> int:
        return self.socket.newest_event_ms

    @property
    def now_ms(self) -> int:
        return steady_ms() + self._offset_ms

    def take(self, **data: object) -> None:
        raw = orjson.dumps({"stream": "x", "data": data})
        self.dispatch.take(cast("Connection", self.socket), (raw,))

    def trade(self, symbol: str, agg_id: int, **wrong: object) -> None:
        fields = {"e": "aggTrade", "E": self.now_ms, "s": symbol, "a": agg_id, "p": "1", "q": "1"}
        fields |= {"f": agg_id, "l": agg_id, "T": self.now_ms, "m": True}
        self.take(**(fields | wrong))

    def kline(self, open_ms: int, **wrong: object) -> None:
        numbers = {"o": "1", "h": "2", "l": "1", "c": "2", "v": "1", "q": "1", "V": "1", "Q": "1"}
        kline = {
            "t": open_ms,
            "T": open_ms + MINUTE_MS - 1,
            "i": "1m",
            "f": 1,
            "L": 1,
            "n": 1,
            "x": True,
        } | numbers
        self.take(e="kline", E=self.now_ms, s="BTCUSDT", k=kline | wrong)

    def newest_ms(self) -> int:
        """The newest time of all that was published."""
        for flow in self.flows.values():
            flow.flush()
        times = [0]
        for block in self.kafka.records:
            assert isinstance(block, TradeBlock)
            times += [block.watermark_ms, *block.event_ms.tolist()]
        return max(times)

    def ids(self, symbol: str) -> list[int]:
        self.flows[symbol].flush()
        found: list[int] = []
        for block in self.kafka.records:
            if isinstance(block, TradeBlock) and block.symbol == symbol:
                found += range(block.first_agg_id, block.next_agg_id)
        return found


async def test_frame_of_an_unknown_type_moves_no_time() -> None:
    market = Market()

    market.take(e="foo", E=market.now_ms + 2 * HOUR_MS)

    assert market.socket.newest_event_ms <= market.now_ms
    assert market.kafka.reasons == []


async def test_kept_trade_that_another_connection_shows_to_be_true_proves_nothing() -> None:
    market = Market()
    flow = market.flows["BTCUSDT"]
    market.trade("BTCUSDT", 5_000)
    flow.expect(a_trade(6_000))
    market.socket.opened_ms += 1
    flow.lose_sight(market.socket.opened_ms)

    market.trade("BTCUSDT", 9_000)

    assert flow.continuity.known_id == 6_000
    assert not flow.continuity.proven


@pytest.mark.parametrize("ahead_ms", [60_000, 2 * HOUR_MS, 7 * 10**12])
@pytest.mark.parametrize("letter", ["E", "T"])
async def test_time_ahead_is_a_dead_letter_and_nothing_of_it_is_published(
    letter: str, ahead_ms: int
) -> None:
    market = Market()

    market.trade("DOTUSDT", 2, **{letter: market.now_ms + ahead_ms})

    assert len(market.kafka.reasons) == 1
    assert market.newest_ms() <= market.now_ms
    assert market.ids("DOTUSDT") == [1]
    market.trade("DOTUSDT", 2)
    assert market.ids("DOTUSDT") == [1, 2]


@pytest.mark.parametrize("offset_ms", [-HOUR_MS, HOUR_MS, -20 * 365 * 24 * HOUR_MS // 4])
async def test_machine_whose_clock_is_wrong_publishes_valid_blocks(offset_ms: int) -> None:
    market = Market(begin_ms=steady_ms() + offset_ms)
    for agg_id in range(2, 20):
        market.trade("BTCUSDT", agg_id)

    assert market.ids("BTCUSDT") == list(range(1, 20))
    assert market.kafka.reasons == []


@pytest.mark.parametrize("to", [1_000_000, 10**15, 2**62 - 1])
async def test_lone_id_far_ahead_is_buried_and_all_that_follows_is_published(to: int) -> None:
    market = Market()

    market.trade("DOTUSDT", to)
    for agg_id in (2, 3, 4):
        market._offset_ms += JITTER_MS
        market.trade("DOTUSDT", agg_id)

    assert market.ids("DOTUSDT") == [1, 2, 3, 4]
    assert len(market.kafka.reasons) == 1


async def test_closed_candles_of_the_future_or_out_of_order_stop_nothing() -> None:
    market = Market()
    first_ms = START_MS - 2 * MINUTE_MS
    market.klines.start("BTCUSDT", first_ms, {})
    for number in range(2_001):
        market.kline(START_MS + (number + 5) * MINUTE_MS)
    market.kline(first_ms, l="3")
    market.kline(first_ms, n=-1)

    market.kline(first_ms)
    market.kline(first_ms + MINUTE_MS)

    candles = [one.open_ms for one in market.kafka.records if isinstance(one, Candle)]
    assert candles == [first_ms, first_ms + MINUTE_MS]
    assert sum("ahead of the exchange's clock" in one for one in market.kafka.reasons) == 2_001
    assert len(market.kafka.reasons) == 2_003


async def test_quiet_symbol_is_told_to_be_quiet_by_the_time_of_the_others() -> None:
    market = Market(begin_ms=START_MS + MINUTE_MS - 1_000)
    market.newest_ms()
    market._offset_ms += 4_000
    market.trade("BTCUSDT", 2)
    market.flows["DOTUSDT"].tell_quiet()

    newest = market.kafka.records[-1]
    assert isinstance(newest, TradeBlock)
    assert (newest.symbol, len(newest)) == ("DOTUSDT", 0)
    assert newest.watermark_ms >= START_MS + MINUTE_MS + 2_000
    await asyncio.sleep(0)


async def test_answer_that_comes_again_and_again_has_one_letter() -> None:
    market = Market()

    for raw in (b'{"a":1}', b'{"a":1}', b'{"a":2}'):
        market.dispatch.bury_once(PoisonMessage("row unreadable", raw=raw), "ws://exchange")

    assert len(market.kafka.reasons) == 2


async def test_ping_proves_that_nothing_was_traded_only_where_no_frames_come() -> None:
    market = Market()
    newest_ms = market.socket.newest_event_ms
    connection = cast("Connection", market.socket)

    market.socket.life.frame(steady_ms())
    market.dispatch.hear_ping(connection, steady_ms())
    assert market.socket.newest_event_ms == newest_ms

    market.socket.life = SignsOfLife(steady_ms() - 10_000)
    market.socket.newest_event_ms = newest_ms - 10_000
    market.dispatch.hear_ping(connection, steady_ms())
    assert newest_ms - 5_000 < market.socket.newest_event_ms <= market.now_ms


async def test_frames_of_a_symbol_that_has_just_been_removed_are_no_dead_letters() -> None:
    market = Market()
    del market.flows["DOTUSDT"]

    market.trade("DOTUSDT", 2)

    assert market.kafka.reasons == []


async def test_halted_symbol_is_told_to_be_quiet_to_the_end_of_its_quarter_and_no_further() -> None:
    quarter_ms = 15 * MINUTE_MS
    market = Market()
    market.newest_ms()
    flow = market.flows["DOTUSDT"]
    flow.is_traded = False
    end_ms = START_MS // quarter_ms * quarter_ms + quarter_ms
    for minutes in range(1, 40):
        market.socket.newest_event_ms = START_MS + minutes * MINUTE_MS
        flow.tell_quiet()

    told = [one for one in market.kafka.records if isinstance(one, TradeBlock)]
    last = [one.watermark_ms for one in told if one.symbol == "DOTUSDT"][-1]
    assert end_ms <= last <= end_ms + 2_000
