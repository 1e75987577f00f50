"""What the exchange's clock shows: told by many, late at times, wrong at times."""

from hypothesis import given
from hypothesis import strategies as st

from producers.trades.exchange_clock import KEPT_MS, LEAP_MS, ExchangeClock

AHEAD_MS = 5_000
HOUR_MS = 3_600_000
SYMBOLS = ("BTCUSDT", "ETHUSDT", "BNBUSDT", "DOTUSDT")


def a_clock(*, offset_ms: int = 0, now_ms: int = 0) -> ExchangeClock:
    clock = ExchangeClock(ahead_ms=AHEAD_MS)
    for witness in ("REST", *SYMBOLS):
        clock.hear(witness, now_ms + offset_ms, now_ms)
    return clock


@given(st.integers(-HOUR_MS * 24 * 365, HOUR_MS * 24 * 365), st.lists(st.integers(0, 3_000)))
def test_machine_whose_clock_is_wrong_works_as_any_other(
    offset_ms: int, delays_ms: list[int]
) -> None:
    clock, now_ms = a_clock(offset_ms=offset_ms), 0
    for number, delay_ms in enumerate(delays_ms):
        now_ms += 500
        sent_ms = now_ms + offset_ms
        clock.hear(SYMBOLS[number % 4], sent_ms - delay_ms, now_ms)

        assert not clock.is_ahead(sent_ms, now_ms)
        assert clock.is_ahead(sent_ms + AHEAD_MS + 1, now_ms)


@given(st.sampled_from(SYMBOLS), st.integers(-HOUR_MS, 2**61), st.integers(1, 50))
def test_one_symbol_that_lies_in_all_it_says_moves_nothing(
    liar: str, lie_ms: int, times: int
) -> None:
    clock = a_clock()
    for number in range(times):
        clock.hear(liar, number + lie_ms, number)

        assert clock.now_ms(number) == number
        assert clock.is_ahead(number + AHEAD_MS + 1, number)


def test_rest_that_lies_moves_nothing() -> None:
    clock = a_clock()

    clock.hear("REST", HOUR_MS, 1_000)

    assert clock.now_ms(1_000) == 1_000


def test_of_two_that_differ_the_lower_is_believed() -> None:
    clock = ExchangeClock(ahead_ms=AHEAD_MS)
    clock.hear("REST", 1_000, 0)
    clock.hear("BTCUSDT", HOUR_MS, 0)

    assert clock.is_ahead(HOUR_MS, 0)
    assert clock.now_ms(0) == 1_000


def test_frames_that_waited_while_the_process_stood_still_do_not_set_the_clock_back() -> None:
    clock = a_clock()
    for symbol in SYMBOLS:
        clock.hear(symbol, 1_000, 120_000)

    assert not clock.is_ahead(120_000, 120_000)


def test_sleep_that_the_steady_clock_did_not_count_is_caught_up_once_rest_confirms_it() -> None:
    clock = a_clock()
    for symbol in SYMBOLS:
        clock.hear(symbol, HOUR_MS, 1_000)
    assert clock.is_ahead(HOUR_MS, 1_000)

    clock.hear("REST", HOUR_MS, 1_000)

    assert not clock.is_ahead(HOUR_MS, 1_000)


def test_sleep_is_caught_up_by_one_symbol_that_rest_confirms() -> None:
    clock = a_clock()
    clock.hear("REST", HOUR_MS, 1_000)
    assert clock.is_ahead(HOUR_MS, 1_000)

    clock.hear("ETHUSDT", HOUR_MS, 1_000)

    assert not clock.is_ahead(HOUR_MS, 1_000)


def test_sleep_is_caught_up_without_rest_when_all_agree_for_some_seconds() -> None:
    clock = a_clock()
    for now_ms in range(1_000, 1_000 + LEAP_MS + 500, 500):
        for symbol in SYMBOLS:
            clock.hear(symbol, HOUR_MS + now_ms, now_ms)

    assert clock.now_ms(now_ms) == HOUR_MS + now_ms


@given(
    st.lists(st.tuples(st.sampled_from(SYMBOLS), st.integers(AHEAD_MS + 1, 2**61)), max_size=40),
    st.integers(0, LEAP_MS - 1),
)
def test_many_false_frames_in_a_row_move_nothing(lies: list[tuple[str, int]], took_ms: int) -> None:
    clock = a_clock()
    for number, (liar, lie_ms) in enumerate(lies):
        now_ms = took_ms * number // len(lies)
        clock.hear(liar, now_ms + lie_ms, now_ms)

        assert clock.now_ms(now_ms) == now_ms
    for symbol in SYMBOLS:
        clock.hear(symbol, LEAP_MS - 1, LEAP_MS - 1)
    for liar, lie_ms in lies:
        clock.hear(liar, 2 * LEAP_MS + lie_ms, 2 * LEAP_MS)

        assert clock.now_ms(2 * LEAP_MS) == 2 * LEAP_MS


def test_exchange_that_sets_its_clock_back_is_followed_after_some_minutes() -> None:
    clock = a_clock(offset_ms=HOUR_MS)
    for now_ms in range(1_000, 2 * KEPT_MS + 2_000, 1_000):
        for witness in ("REST", *SYMBOLS):
            clock.hear(witness, now_ms, now_ms)

    assert clock.now_ms(now_ms) == now_ms


@given(st.integers(2, 60), st.integers(1, 4))
def test_market_whose_time_runs_fast_is_followed_while_one_symbol_of_two_is_halted(
    speed: int, frames_a_tick: int
) -> None:
    clock = ExchangeClock(ahead_ms=AHEAD_MS)
    for stream in ("agg", "1m", "15m"):
        clock.hear(f"DOTUSDT {stream}", 0, 0)
        clock.hear(f"ETHUSDT {stream}", 0, 0)
    clock.hear("REST", 0, 0)
    for now_ms in range(10, 5_000, 10):
        for number in range(frames_a_tick):
            sent_ms = now_ms * speed
            stream = ("agg", "1m", "15m")[(now_ms // 10 + number) % 3]
            clock.hear(f"ETHUSDT {stream}", sent_ms, now_ms)

            assert not clock.is_ahead(sent_ms, now_ms)


class Thorough(ExchangeClock):
    """Asks all witnesses at each message, also where one cannot move the clock."""

    def hear(self, witness: str, exchange_ms: int, steady_ms: int) -> bool:
        self._calm_until_ms = -1
        return super().hear(witness, exchange_ms, steady_ms)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["A", "B", "C", "D", "E", "F", "REST"]),
            st.sampled_from([-9_000, 0, 1, 2, 3, 4_000, 7_200_000, 7_200_000]),
            st.sampled_from([0, 1, 50, 3_500, 301_000]),
        ),
        max_size=60,
    )
)
def test_clock_that_asks_only_where_it_can_move_is_the_same(
    messages: list[tuple[str, int, int]],
) -> None:
    clock, thorough = ExchangeClock(ahead_ms=5_000), Thorough(ahead_ms=5_000)
    now_ms = 1_700_000_000_000  # times are positive: -1 stands for none
    for witness, offset_ms, passed_ms in messages:
        now_ms += passed_ms
        thorough.hear(witness, now_ms + offset_ms, now_ms)
        before = clock.now_ms(now_ms), clock.bounds_ms(now_ms)
        if now_ms + offset_ms <= before[1][0]:
            clock.note(witness, now_ms + offset_ms, now_ms)
            moved = False
        else:
            moved = clock.hear(witness, now_ms + offset_ms, now_ms)

        assert moved or before == (clock.now_ms(now_ms), clock.bounds_ms(now_ms))

        assert clock.now_ms(now_ms) == thorough.now_ms(now_ms)
        assert clock.is_leaping == thorough.is_leaping
        calm_ms, latest_ms = clock.bounds_ms(now_ms)
        assert calm_ms == -1 or not clock.is_ahead(latest_ms, now_ms)
        assert calm_ms == -1 or clock.is_ahead(latest_ms + 1, now_ms)
