"""All symbols are flushed together: seldom where little is traded, never later than allowed."""

from collections.abc import Callable
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from producers.trades.packing.flush_tick import RETRY_MS, FlushTick
from producers.trades.packing.linger import LONGEST_MS, Linger
from schemas.settings import StreamSettings


@dataclass(slots=True)
class Clock:
    """A loop whose time a test turns by hand, in milliseconds."""

    now_ms: float = 0.0
    due: list[tuple[float, Callable[[], None]]] = field(default_factory=list)

    def time(self) -> float:
        return self.now_ms / 1000

    def call_later(self, delay: float, callback: Callable[[], None]) -> object:
        self.due.append((self.now_ms + delay * 1000, callback))
        return None

    def turn_to(self, now_ms: float) -> None:
        while self.due and min(at for at, _ in self.due) <= now_ms:
            first = min(self.due, key=lambda one: one[0])
            self.due.remove(first)
            self.now_ms = max(self.now_ms, first[0])
            first[1]()
        self.now_ms = now_ms


@dataclass(slots=True, eq=False)
class Symbol:
    """A symbol that publishes, while there is room, and takes note of when."""

    clock: Clock
    tick: FlushTick
    arrived: list[float] = field(default_factory=list)
    delays: list[float] = field(default_factory=list)
    blocks: list[tuple[float, int]] = field(default_factory=list)
    room: bool = True

    @property
    def waiting(self) -> int:
        return len(self.arrived)

    def trade(self) -> None:
        self.arrived.append(self.clock.now_ms)
        self.tick.wait(self)

    def flush(self) -> None:
        if self.room and self.arrived:
            self.delays += [self.clock.now_ms - at for at in self.arrived]
            self.blocks.append((self.clock.now_ms, len(self.arrived)))
            self.arrived.clear()


def a_market(count: int, **settings: int) -> tuple[Clock, list[Symbol]]:
    clock = Clock()
    tick = FlushTick(StreamSettings(**settings), clock)
    return clock, [Symbol(clock, tick) for _ in range(count)]


def run_market(clock: Clock, symbols: list[Symbol], *, trades_per_s: float, seconds: int) -> None:
    """Trades of all symbols in turn, at equal distances."""
    for number in range(int(trades_per_s * seconds)):
        clock.turn_to(clock.now_ms + 1000 / trades_per_s)
        symbols[number % len(symbols)].trade()


def waited(symbols: list[Symbol]) -> float:
    """The longest that trades of the last second waited."""
    return max(max(one.delays[-20:]) for one in symbols)


def test_waiting_symbols_are_flushed_together_once_the_linger_is_over() -> None:
    clock, (first, second, idle) = a_market(3, linger_ms=50)

    first.trade()
    clock.turn_to(30)
    second.trade()
    clock.turn_to(49)
    assert first.blocks == []
    clock.turn_to(50)

    assert (first.blocks, second.blocks, idle.blocks) == ([(50, 1)], [(50, 1)], [])
    assert clock.due == []


def test_without_trades_nothing_wakes_up() -> None:
    clock, (symbol,) = a_market(1)
    symbol.trade()
    clock.turn_to(10_000)

    assert len(symbol.blocks) == 1
    assert clock.due == []


def test_busy_market_of_ten_symbols_waits_no_longer_than_its_linger() -> None:
    clock, symbols = a_market(10)

    run_market(clock, symbols, trades_per_s=5_000, seconds=3)

    assert max(max(one.delays) for one in symbols) <= 50.001
    assert min(count for one in symbols for _, count in one.blocks[1:]) > 20


def test_quiet_market_waits_longer_for_fuller_and_fewer_messages() -> None:
    clock, symbols = a_market(11)

    run_market(clock, symbols, trades_per_s=150, seconds=10)

    assert 200 < waited(symbols) <= 250.001
    flushes = {at for one in symbols for at, _ in one.blocks if at > 9_000}
    assert len(flushes) <= 5


def test_quiet_market_waits_no_longer_where_the_setting_says_so() -> None:
    clock, symbols = a_market(11, quiet_linger_ms=0)

    run_market(clock, symbols, trades_per_s=150, seconds=5)

    assert waited(symbols) <= 50.001


def test_trades_that_come_alone_are_not_held_back_for_others() -> None:
    clock, symbols = a_market(3)

    run_market(clock, symbols, trades_per_s=2, seconds=60)

    assert max(max(one.delays) for one in symbols) <= 50.001


def test_many_symbols_send_no_more_messages_than_are_wanted() -> None:
    clock, symbols = a_market(1_500, blocks_per_s=1_000)

    run_market(clock, symbols, trades_per_s=6_000, seconds=15)

    last = [count for one in symbols for at, count in one.blocks if at > 10_000]
    assert len(last) <= 5 * 1_000 * 1.2
    assert waited(symbols) < 2_000


def test_what_kafka_has_no_room_for_is_tried_again_soon() -> None:
    clock, (full, free) = a_market(2, linger_ms=50)
    full.room = False

    full.trade()
    free.trade()
    clock.turn_to(50)
    assert (len(full.blocks), len(free.blocks)) == (0, 1)
    full.room = True
    clock.turn_to(50 + RETRY_MS)

    assert full.blocks == [(50 + RETRY_MS, 1)]


def test_symbol_that_is_followed_no_more_is_not_flushed() -> None:
    clock, (symbol,) = a_market(1)
    symbol.trade()

    symbol.tick.forget(symbol)
    clock.turn_to(1_000)

    assert symbol.blocks == []


@given(
    st.lists(
        st.tuples(st.integers(0, 5_000), st.integers(0, 3_000), st.floats(0, 100_000)), max_size=40
    ),
    st.integers(0, 5_000),
    st.integers(0, 5_000),
)
def test_linger_is_never_below_its_setting_nor_above_its_bounds(
    flushes: list[tuple[int, int, float]], least_ms: int, quiet_ms: int
) -> None:
    linger = Linger(StreamSettings(linger_ms=least_ms, quiet_linger_ms=quiet_ms))

    for trades, symbols, passed_ms in flushes:
        linger.learn(trades, symbols, passed_ms)

        assert least_ms <= linger.ms <= LONGEST_MS
