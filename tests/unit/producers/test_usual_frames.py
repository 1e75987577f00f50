"""The quick way of usual frames publishes, counts and refuses exactly what the other way does."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, cast

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from producers.binance.parse import parse_frame
from producers.binance.signs_of_life import SignsOfLife
from producers.binance.typed_frames import DecodedFrames
from producers.binance.urls import StreamAddress
from producers.trades import dispatch, kline_stream, symbol_stream, usual_frames
from producers.trades.counters import Counts
from producers.trades.dispatch import Dispatch
from producers.trades.exchange_clock import ExchangeClock
from producers.trades.kline_stream import KlineFlow
from producers.trades.packing import block_writer
from producers.trades.packing.flush_tick import FlushTick
from producers.trades.symbol_stream import SymbolFlow
from schemas.dead_letters import Origin
from schemas.market import Candle, Gap, Trade, TradeBlock
from schemas.rules.checks import is_symbol
from schemas.settings import Settings, StreamSettings
from schemas.validation import validate
from tests.support.builders import MINUTE_MS, START_MS, a_trade

if TYPE_CHECKING:
    from producers.binance.websocket import Connection

SYMBOLS = ("BTCUSDT", "ETHUSDT", "币安人生USDT")
CARRIED = (*SYMBOLS, "LTCUSDT")  # the last is carried, and followed no more
STEADY_MS = START_MS - 3_600_000  # this machine's clock is an hour behind
NOW = [STEADY_MS]


@pytest.fixture(autouse=True)
def clock_of_the_test(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for module in (block_writer, dispatch, kline_stream, symbol_stream, usual_frames):
        monkeypatch.setattr(module, "steady_ms", lambda: NOW[0])
    yield
    NOW[0] = STEADY_MS


@dataclass(slots=True)
class Socket:
    """What a dispatch needs of a connection."""

    address: StreamAddress = field(default_factory=lambda: StreamAddress("ws://exchange", CARRIED))
    newest_event_ms: int = -1
    opened_ms: int = STEADY_MS
    ending: bool = False
    life: SignsOfLife = field(default_factory=lambda: SignsOfLife(STEADY_MS))


@dataclass(slots=True)
class Kafka:
    """Keeps what is sent while it has room, each symbol's records in their order."""

    room: bool = True
    records: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    letters: list[tuple[bytes, str]] = field(default_factory=list)

    def send(self, record: TradeBlock | Candle | Gap) -> bool:
        if not self.room:
            return False
        validate(record)
        fields = {name: getattr(record, name) for name in type(record).__slots__}
        plain = {k: v.tolist() if hasattr(v, "tolist") else v for k, v in fields.items()}
        self.records.setdefault(record.symbol, []).append({"": type(record).__name__} | plain)
        return True

    def send_dead_letter(self, raw: bytes, origin: Origin) -> bool:
        self.letters.append((bytes(raw), origin.reason))
        return True


def leave_all(_connection: object, _frames: object, at: int) -> int:
    """Leave every frame to the other way."""
    return at


class Timer:
    """Calls back when the test says so."""

    def __init__(self) -> None:
        self.due: list[Callable[[], None]] = []

    def time(self) -> float:
        return NOW[0] / 1000

    def call_later(self, _delay: float, callback: Callable[[], None]) -> object:
        self.due.append(callback)
        return None


class World:
    """A dispatch with the flows of some symbols, and what came of its frames."""

    def __init__(self, *, quick: bool, most: int = 1000, symbols: int = 3) -> None:
        self.kafka, self.counts, self.timer = Kafka(), Counts(), Timer()
        self.sockets = (Socket(), Socket(opened_ms=STEADY_MS + 1))
        self.clock = clock = ExchangeClock(ahead_ms=5_000)
        setting = Settings(stream=StreamSettings(block_trades=most))
        tick = FlushTick(setting.stream, self.timer)
        self.flows = {
            name: SymbolFlow(
                name, self.kafka, setting, self.counts, self.stream_ms, clock=clock, tick=tick
            )
            for name in SYMBOLS[:symbols]
        }
        for flow in self.flows.values():
            flow.continuity.start(1, now_ms=NOW[0])
        klines = KlineFlow(
            self.kafka, self.counts, lambda _: self.stream_ms(), clock, lambda _: True
        )
        for name in SYMBOLS[:symbols]:
            klines.add(name)
            klines.start(name, START_MS, {})
        self.dispatch = Dispatch(self.flows, klines, self.kafka, self.counts, clock)
        if not quick:
            self.dispatch._usual.take = leave_all  # type: ignore[method-assign]
        clock.hear("REST", START_MS, NOW[0])

    def stream_ms(self) -> int:
        return max(one.newest_event_ms for one in self.sockets)

    def hear(self, socket: int, frames: Sequence[bytes]) -> None:
        self.dispatch.take(cast("Connection", self.sockets[socket]), frames)

    def tick(self) -> None:
        due, self.timer.due = self.timer.due, []
        for callback in due:
            callback()

    def outcome(self) -> dict[str, Any]:
        """Everything that either way leaves behind."""
        flows = {
            name: (
                flow.newest_event_ms,
                flow.waiting,
                flow.eras._strange,
                flow.eras.refused,
                flow.evidence.suspect_ms,
                flow.evidence._known_id,
                flow.continuity.next_id,
                flow.continuity.known_id,
                flow.continuity.last_ms,
                flow.continuity.proven,
                flow.continuity.settled,
                flow.continuity.duplicates,
                flow.continuity.dropped,
                flow.continuity.disputed,
                flow.continuity.hole,
                flow._writer._received_ms,
                flow.jumps._held,
            )
            for name, flow in self.flows.items()
        }
        return {
            "records": self.kafka.records,
            "letters": self.kafka.letters,
            "counts": asdict(self.counts),
            "flows": flows,
            "taken": self.dispatch.taken,
            "clock": (self.clock._offsets, self.clock._offset(), self.clock._leaps_since_ms),
            "sockets": [(one.newest_event_ms, one.ending) for one in self.sockets],
        }

    def memory(self) -> dict[str, Any]:
        """What is remembered of trades; to look at it unpacks the columns."""
        return {
            name: ([*one.same.newest], one.same._agg_ids, one.same._firsts, one.same._lasts)
            for name, one in ((n, flow.continuity) for n, flow in self.flows.items())
        }


Fields = dict[str, Any]


class Exchange:
    """Makes the frames of a market whose ids go on, and the strange ones."""

    def __init__(self) -> None:
        self.agg_ids = dict.fromkeys(CARRIED, 1)
        self.trade_ids = dict.fromkeys(CARRIED, 100)
        self.frames: list[bytes] = []

    @property
    def now_ms(self) -> int:
        return START_MS + NOW[0] - STEADY_MS

    def fields(self, symbol: str, fills: int, back_ms: int) -> Fields:
        agg_id, first = self.agg_ids[symbol], self.trade_ids[symbol]
        self.agg_ids[symbol] += 1
        self.trade_ids[symbol] += fills
        return {
            "e": "aggTrade",
            "E": self.now_ms - back_ms // 2,
            "s": symbol,
            "a": agg_id,
            "p": f"{agg_id % 7 + 1}.0{agg_id % 10}000000",
            "q": "0.00100000",
            "f": first,
            "l": first + fills - 1,
            "T": self.now_ms - back_ms,
            "m": agg_id % 3 == 0,
            "M": True,
        }

    def frame(
        self, symbol: str, how: str, fills: int, back_ms: int, *, beside: bool = False
    ) -> list[bytes]:
        """Return the frames of one step; those beside the market take no ids of it."""
        before = self.agg_ids[symbol], self.trade_ids[symbol]
        made = self._frame(symbol, how, fills, back_ms)
        if beside and how != "usual":
            self.agg_ids[symbol], self.trade_ids[symbol] = before
        return made

    def _frame(self, symbol: str, how: str, fills: int, back_ms: int) -> list[bytes]:
        if how == "again" and self.frames:
            return [self.frames[-1 - back_ms % len(self.frames)]]
        if how == "skip":
            self.agg_ids[symbol] += 1 + fills
            self.trade_ids[symbol] += 1 + fills
        if how == "trade ids jump":
            self.trade_ids[symbol] += fills
        if how == "kline":
            return [kline(symbol, self, closed=fills > 1)]
        data = self.fields(symbol, fills, back_ms)
        if how == "swapped":
            later = self.fields(symbol, fills, back_ms)
            made = [wrapped(later), wrapped(data)]
        else:
            made = [STRANGE.get(how, wrapped)(data)]
        self.frames += made
        return made


def wrapped(data: Fields) -> bytes:
    stream = f"{data.get('s', 'x')!s}@aggTrade".lower()
    return json.dumps(
        {"stream": stream, "data": data}, ensure_ascii=False, separators=(",", ":")
    ).encode()


def kline(symbol: str, exchange: Exchange, *, closed: bool) -> bytes:
    numbers = {"o": "1", "h": "2", "l": "1", "c": "2", "v": "1", "q": "1", "V": "1", "Q": "1"}
    times = {"t": START_MS, "T": START_MS + MINUTE_MS - 1, "i": "1m"}
    last = exchange.trade_ids[symbol]
    value = times | numbers | {"f": 1, "L": last, "n": 1, "x": closed and exchange.now_ms > 10**13}
    data = {"e": "kline", "E": exchange.now_ms, "s": symbol, "k": value}
    return orjson.dumps({"stream": "x", "data": data})


def having(**wrong: object) -> Callable[[Fields], bytes]:
    return lambda data: wrapped(data | wrong)


def text(change: Callable[[bytes], bytes]) -> Callable[[Fields], bytes]:
    return lambda data: change(wrapped(data))


def added(letter: str, by: int) -> Callable[[Fields], bytes]:
    return lambda data: wrapped(data | {letter: data[letter] + by})


def without(letter: str) -> Callable[[Fields], bytes]:
    return lambda data: wrapped({k: v for k, v in data.items() if k != letter})


STRANGE: dict[str, Callable[[Fields], bytes]] = {
    "raw stream": orjson.dumps,
    "in another order": lambda data: orjson.dumps(
        {"data": dict(reversed(data.items())), "stream": "x"}
    ),
    "without M": without("M"),
    "M is no truth": having(M=3),
    "blanks": text(lambda raw: raw.replace(b":", b" : ") + b"\n"),
    "another key": having(x=1),
    "a key that is no text": text(lambda raw: raw.replace(b'"M"', b'"\xff"')),
    "a key twice": text(lambda raw: raw.replace(b'"M":true', b'"q":"7.00000000"')),
    "kind twice": text(lambda raw: raw.replace(b'"M":true', b'"e":"kline"')),
    "no price": without("p"),
    "no id": without("a"),
    "short decimals": having(p="1.5"),
    "whole number": having(q="12"),
    "nine decimals": having(p="1.123456780"),
    "finer than 1e-8": having(p="1.123456789"),
    "no whole part": having(p=".12345678"),
    "two points": having(p="1.2.34567890"),
    "point elsewhere": having(p="1234567.8901234"),
    "sign": having(p="+1.00000000"),
    "negative": having(q="-1.00000000"),
    "blank in it": having(p=" 1.00000000"),
    "underscore": having(p="1_0.00000000"),
    "other digits": having(p="１２.00000000"),  # noqa: RUF001 - digits of another script
    "exponent": having(p="1e5.00000000"),
    "a number, no text": having(p=1.5),
    "eighteen digits": having(q="9999999999.99999999"),
    "nineteen digits": having(q="92233720368.54775807"),
    "too much for 64 bits": having(q="92233720368.54775808"),
    "absurd": having(q="9" * 40 + ".00000000"),
    "price of nothing": having(p="0.00000000"),
    "void": having(p="0.00000000", q="0.00000000", f=-1, l=-1),
    "no truth value": having(m=1),
    "truth for an id": having(a=True),
    "float for an id": text(lambda raw: raw.replace(b',"f":', b'.0,"f":')),
    "exponent for a time": text(lambda raw: raw.replace(b',"m":', b'e0,"m":')),
    "text for an id": lambda data: wrapped(data | {"a": str(data["a"])}),
    "id of another": having(f=1, l=1),
    "last before first": added("l", -3),
    "too many trades": added("l", 2**31),
    "id beyond 64 bits": having(l=2**64),
    "lone id far ahead": added("a", 5_000_000),
    "id long known": added("a", -5),
    "microseconds": lambda data: wrapped(data | {"T": data["T"] * 1000 + 7}),
    "sent in microseconds": lambda data: wrapped(data | {"E": data["E"] * 1000}),
    "seconds": having(T=START_MS // 1000),
    "trade ahead": added("T", 7_000_000),
    "sent ahead": added("E", 7_000_000),
    "a little ahead": added("E", 4_000),
    "sent long ago": added("E", -400_000),
    "traded long ago": added("T", -3_000_000),
    "unknown symbol": having(s="NONEUSDT"),
    "symbol followed no more": having(s="LTCUSDT"),
    "no symbol": having(s="a b"),
    "symbol of another type": having(s=5),
    "another kind": having(e="foo"),
    "single trade": lambda data: wrapped(data | {"e": "trade", "t": data["a"]}),
    "shutdown": having(e="serverShutdown"),
    "cut short": text(lambda raw: raw[:-20]),
    "no JSON": lambda _: b"\xff\x00",
    "empty": lambda _: b"",
    "list": lambda _: b"[]",
    "more behind it": text(lambda raw: raw + b"{}"),
    "half a character": text(lambda raw: raw.replace(b'"stream":"', b'"stream":"\\ud800')),
    "deep": lambda _: b"[" * 3_000,
    "data is no object": lambda _: b'{"stream":"x","data":[1]}',
}
HOWS = ("usual", "again", "skip", "swapped", "trade ids jump", "kline", *STRANGE)
frames = st.tuples(
    st.sampled_from(SYMBOLS),
    st.one_of(st.just("usual"), st.just("usual"), st.just("usual"), st.sampled_from(HOWS)),
    st.integers(1, 3),
    st.sampled_from((0, 0, 0, 2, 5, 600)),
    st.booleans(),
)
bunches = st.tuples(st.just("bunch"), st.sampled_from((0, 0, 0, 1)), st.lists(frames, max_size=12))
events = st.tuples(
    st.sampled_from(
        ("tick", "tick", "tick", "full", "room", "fill", "expect", "sight", "advance", "quiet")
    ),
    st.sampled_from(SYMBOLS),
    st.integers(1, 5),
)
passing = st.tuples(
    st.just("pass"), st.sampled_from((1, 20, 50, 120, 2_000, 61_000, 301_000)), st.none()
)
stories = st.lists(st.one_of(bunches, bunches, events, passing), max_size=25)


def rest(exchange: Exchange, flow: SymbolFlow, count: int) -> list[Trade]:
    """The trades that REST has from the one that is due on."""
    next_id = flow.continuity.next_id
    ids = range(next_id, min(next_id + count, exchange.agg_ids[flow.symbol]))
    return [
        a_trade(i, symbol=flow.symbol, event_ms=exchange.now_ms, first_trade_id=100 + i)
        for i in ids
    ]


def play(world: World, exchange: Exchange, what: str, symbol: str, count: int) -> None:
    flow = world.flows.get(symbol)
    if what in {"full", "room"}:
        world.kafka.room = what == "room"
    elif what == "tick":
        world.tick()
    elif flow is None:
        return
    elif what == "fill":
        flow.fill(rest(exchange, flow, count))
    elif what == "expect" and exchange.agg_ids[symbol] > 1:
        flow.expect(a_trade(exchange.agg_ids[symbol] - 2 + count, symbol=symbol))
    elif what == "sight":
        flow.lose_sight(world.sockets[1].opened_ms)
    elif what == "advance":
        flow.advance()
    elif what == "quiet":
        flow.tell_quiet()


UNDER_WAY: tuple[Any, ...] = (
    ("bunch", 0, [(symbol, "kline", 1, 0, False) for symbol in SYMBOLS]),
    ("bunch", 0, [(symbol, "usual", 2, 0, False) for _ in range(9) for symbol in SYMBOLS]),
    ("tick", "", 1),
)


def both_ways(story: Sequence[Any], *, most: int, symbols: int) -> tuple[World, World]:
    NOW[0] = STEADY_MS
    quick = World(quick=True, most=most, symbols=symbols)
    other = World(quick=False, most=most, symbols=symbols)
    exchange = Exchange()
    for what, whom, more in (*UNDER_WAY, *story):
        if what == "pass":
            NOW[0] += whom
        elif what == "bunch":
            made = [raw for *step, beside in more for raw in exchange.frame(*step, beside=beside)]
            for world in (quick, other):
                world.hear(whom, made)
        else:
            for world in (quick, other):
                play(world, exchange, what, whom, more)
        assert quick.outcome() == other.outcome()
    return quick, other


@settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(stories, st.sampled_from((1, 3, 1000)), st.sampled_from((1, 3)))
def test_both_ways_leave_the_same_whatever_comes(
    story: Sequence[Any], most: int, symbols: int
) -> None:
    quick, other = both_ways(story, most=most, symbols=symbols)

    for world in (quick, other):
        world.kafka.room = True
        for flow in world.flows.values():
            flow.flush()
    assert quick.outcome() == other.outcome()
    assert quick.memory() == other.memory()


@pytest.mark.parametrize("beside", [False, True])
@pytest.mark.parametrize("how", HOWS)
def test_strange_frame_among_usual_ones_leaves_the_same_both_ways(
    how: str, *, beside: bool
) -> None:
    usual = [(symbol, "usual", 2, 600, False) for _ in range(4) for symbol in SYMBOLS]
    strange = [(symbol, how, 2, 600, beside) for symbol in SYMBOLS]
    tick, pause, sight = ("tick", "", 1), ("pass", 2_000, None), ("sight", SYMBOLS[0], 1)
    story: list[Any] = [("bunch", 0, strange), ("expect", SYMBOLS[1], 3), ("bunch", 0, usual), tick]
    for frames in (strange[:1], strange[1:2], strange):
        story += [pause, ("bunch", 0, [*usual, *frames, *usual]), tick]
        story += [
            pause,
            ("bunch", 1, usual),
            ("bunch", 0, frames),
            tick,
            sight,
            ("bunch", 0, usual),
        ]
        story += [tick, ("pass", 301_000, None), ("bunch", 0, usual)]

    quick, other = both_ways(story, most=1000, symbols=3)

    assert quick.memory() == other.memory()


def taken_quickly(world: World, made: Sequence[bytes]) -> int:
    """Count the frames that did not take the other way."""
    slow: Counter[bytes] = Counter()
    take_one = world.dispatch._take_one

    def take(connection: "Connection", raw: bytes) -> None:
        slow[raw] += 1
        take_one(connection, raw)

    world.dispatch._take_one = take  # type: ignore[method-assign]
    world.hear(0, made)
    return len(made) - slow.total()


def test_usual_frames_take_the_quick_way_once_a_symbol_is_under_way() -> None:
    world, exchange = World(quick=True), Exchange()
    for symbol in SYMBOLS:
        world.hear(0, exchange.frame(symbol, "usual", 1, 0))
    world.tick()

    made = [
        raw for _ in range(50) for name in SYMBOLS for raw in exchange.frame(name, "usual", 2, 0)
    ]

    assert taken_quickly(world, made) == 150
    world.tick()
    assert [len(block["event_ms"]) for block in world.kafka.records["BTCUSDT"]] == [1, 50]


def hear_around(world: World, exchange: Exchange, *, passing_ms: int) -> None:
    """Hear a read: two usual frames of one symbol, and between them another's after some time."""
    first, last = (exchange.frame("BTCUSDT", "usual", 1, 0)[0] for _ in range(2))
    strange = exchange.frame("ETHUSDT", "nine decimals", 1, 0)[0]
    take_one = world.dispatch._take_one

    def take(connection: "Connection", raw: bytes) -> None:
        if raw == strange:
            NOW[0] += passing_ms
        take_one(connection, raw)

    world.dispatch._take_one = take  # type: ignore[method-assign]
    world.hear(0, [first, strange, last])


def test_a_clock_that_goes_back_inside_a_read_leaves_the_same_both_ways() -> None:
    outcomes = []
    for quick in (True, False):
        NOW[0] = STEADY_MS
        world, exchange = World(quick=quick), Exchange()
        for ahead_ms, pass_ms in ((4_000, 299_990), (0, 10), (0, 299_990), (0, 9)):
            for symbol in SYMBOLS:
                data = exchange.fields(symbol, 1, 0)
                world.hear(0, [wrapped(data | {"E": data["E"] + ahead_ms})])
            world.clock.hear("REST", exchange.now_ms, NOW[0])
            world.tick()
            NOW[0] += pass_ms

        hear_around(world, exchange, passing_ms=2)

        world.tick()
        outcomes.append(world.outcome())
    assert outcomes[0] == outcomes[1]


@pytest.mark.parametrize("quick", [False, True])
def test_connection_that_was_replaced_does_not_prove_that_no_trade_is_missing(
    *, quick: bool
) -> None:
    world, exchange = World(quick=quick), Exchange()
    world.hear(0, exchange.frame("BTCUSDT", "usual", 2, 0))
    flow = world.flows["BTCUSDT"]
    flow.lose_sight(world.sockets[1].opened_ms)

    world.hear(0, exchange.frame("BTCUSDT", "usual", 1, 0))
    assert not flow.continuity.proven
    world.hear(1, exchange.frame("BTCUSDT", "usual", 1, 0))

    assert flow.continuity.proven


def test_what_one_read_leaves_after_a_failure_is_in_no_block_of_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world, exchange = World(quick=True), Exchange()
    for symbol in SYMBOLS:
        world.hear(0, exchange.frame(symbol, "usual", 1, 0))
    world.tick()
    world.kafka.records.clear()
    btc, eth = (exchange.fields(symbol, 1, 0) for symbol in SYMBOLS[:2])

    def fail(_flow: SymbolFlow, _newest_ms: int, _opened_ms: int) -> None:
        raise BufferError("the columns are still used")

    with monkeypatch.context() as patched:
        patched.setattr(SymbolFlow, "columns_grew", fail)
        with pytest.raises(BufferError):
            world.hear(0, [wrapped(btc), wrapped(eth)])
    others = [wrapped(exchange.fields("币安人生USDT", 1, 0)) for _ in range(3)]
    world.hear(1, [*others, wrapped(eth | {"p": "5.00000000"})])

    world.tick()
    (block,) = world.kafka.records["ETHUSDT"]
    assert block["price_e8"] == [500_000_000]


DECIMALS = ("1.00000000", "0.00000001", "12345.6789", "0.00000000", "9" * 10 + ".99999999", "1.5e")


@given(
    st.lists(
        st.tuples(st.sampled_from(HOWS[6:]), st.sampled_from(DECIMALS), st.sampled_from(DECIMALS)),
        max_size=30,
    )
)
def test_what_decodes_quickly_is_what_the_parser_reads(made: list[tuple[str, str, str]]) -> None:
    exchange = Exchange()
    frames = [
        STRANGE[how](exchange.fields("BTCUSDT", 2, 0) | {"p": price, "q": quantity})
        for how, price, quantity in made
    ]
    decoded = DecodedFrames(frames)

    for at, trade in enumerate(decoded.trades):
        if trade is None or not is_symbol(trade.symbol):  # which the flows are asked for
            continue
        value = parse_frame(frames[at]).value
        assert isinstance(value, Trade)
        assert (
            *(value.agg_id, value.event_ms, value.symbol, value.taker_sold),
            *(value.first_trade_id, value.last_trade_id),
            *(value.price_e8, value.quantity_e8),
            value.last_trade_id - value.first_trade_id + 1,
        ) == (
            *(trade.agg_id, trade.event_ms, trade.symbol, trade.taker_sold),
            *(trade.first_trade_id, trade.last_trade_id),
            *(decoded.prices_e8[at], decoded.quantities_e8[at]),
            decoded.fills[at],
        )
