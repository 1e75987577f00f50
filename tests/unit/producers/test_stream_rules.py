"""The exchange's limits, and the candles that its stream still owes: decided without a clock."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from producers.binance.rate_limit import MINUTE_MS, SHARE, Budget
from producers.binance.urls import SYMBOLS_A_CONNECTION, stream_addresses
from producers.trades.connections import LONGEST_BACK_OFF_S, Attempts, back_off_s
from producers.trades.klines import GRACE_MS, MAX_HELD, KlineTrack
from schemas.timeframe import Interval
from tests.support.builders import START_MS, a_candle


def a_budget(limit: int = 100) -> Budget:
    budget = Budget()
    budget.limit = limit
    return budget


@given(st.lists(st.integers(0, 2_000), max_size=400))
def test_attempts_stay_below_the_limit_in_every_window(pauses: list[int]) -> None:
    attempts, now_ms, made = Attempts(most=10, window_ms=5_000), 0, []
    for pause_ms in pauses:
        now_ms += pause_ms
        now_ms += attempts.wait_ms(now_ms)
        made.append(now_ms)

    assert all(after - before >= 5_000 for before, after in zip(made, made[10:], strict=False))


@given(st.integers(1, 10_000))
def test_back_off_is_bounded(failures: int) -> None:
    assert 0 < back_off_s(failures) <= LONGEST_BACK_OFF_S


def test_weight_is_kept_below_our_share_until_the_minute_is_over() -> None:
    budget, sent = a_budget(), 0
    while budget.wait_ms(4, 1_000) == 0:
        sent += 4

    assert sent == 100 * SHARE
    assert budget.wait_ms(4, 1_000 + MINUTE_MS) == 0


def test_what_the_exchange_counted_is_believed() -> None:
    budget = a_budget()

    budget.note_used(99, 0)

    assert budget.wait_ms(4, 10) > 0


def test_nothing_is_asked_before_the_exchange_allows_it() -> None:
    budget = a_budget()

    budget.close(retry_after_ms=5_000, now_ms=0)

    assert budget.wait_ms(1, 1_000) == 4_000
    assert budget.wait_ms(1, 5_000) == 0


def test_streams_are_named_in_lowercase_and_split_over_connections() -> None:
    symbols = [f"COIN{i}USDT" for i in range(SYMBOLS_A_CONNECTION + 1)]

    first, second = stream_addresses("wss://host/", symbols)

    assert second.url == (
        "wss://host/stream?streams=coin100usdt@aggTrade/coin100usdt@kline_1m/coin100usdt@kline_15m"
    )
    assert (*first.symbols, *second.symbols) == tuple(symbols)


def test_candles_are_published_once_and_in_order() -> None:
    track = KlineTrack("BTCUSDT", Interval.ONE_MINUTE)
    track.start(START_MS + 1)
    first, second = a_candle(), a_candle(open_ms=START_MS + MINUTE_MS)

    track.offer(second)
    assert track.ready() is None
    track.offer(first)
    track.offer(first)

    assert track.ready() == first
    track.published()
    assert track.ready() == second
    track.published()
    track.offer(first)
    assert track.ready() is None


def test_candle_that_comes_again_with_another_value_is_a_revision() -> None:
    track = KlineTrack("BTCUSDT", Interval.ONE_MINUTE)
    track.start(START_MS)
    first = a_candle()
    later = replace(first, volume_e8=2 * first.volume_e8, event_ms=first.event_ms + 10_000)
    track.offer(first)
    track.published()

    # The same from another connection, and what was sent before it, are none.
    track.offer(replace(first, event_ms=first.event_ms + 1))
    track.offer(replace(later, event_ms=first.event_ms - 1))
    assert track.ready() is None
    track.offer(later)
    track.offer(later)

    assert track.ready() == replace(later, revision=2)
    track.published()
    track.offer(replace(first, event_ms=first.event_ms + 20_000))
    ready = track.ready()
    assert ready is not None
    assert (ready.revision, ready.volume_e8) == (3, first.volume_e8)
    track.published()
    assert track.ready() is None
    track.offer(next_one := a_candle(open_ms=START_MS + MINUTE_MS))
    assert track.ready() == next_one


def test_candle_that_is_corrected_before_its_turn_is_published_as_it_is_then() -> None:
    track = KlineTrack("BTCUSDT", Interval.ONE_MINUTE)
    track.start(START_MS)
    second = a_candle(open_ms=START_MS + MINUTE_MS)
    later = replace(second, volume_e8=1, event_ms=second.event_ms + 5)
    track.offer(second)
    track.offer(later)
    track.offer(a_candle())
    track.published()

    assert track.ready() == later


def test_candle_is_asked_for_when_the_stream_is_well_past_it() -> None:
    track = KlineTrack("BTCUSDT", Interval.ONE_MINUTE)
    assert not track.is_due(START_MS + 10 * MINUTE_MS, 0)
    track.start(START_MS)

    assert not track.is_due(START_MS + MINUTE_MS, 0)
    assert track.is_due(START_MS + MINUTE_MS + GRACE_MS, 0)
    track.fill([a_candle()])
    assert not track.is_due(START_MS + MINUTE_MS + GRACE_MS, 0)


def test_candles_far_ahead_leave_room_for_the_next_one() -> None:
    track = KlineTrack("BTCUSDT", Interval.ONE_MINUTE)
    track.start(START_MS)
    for number in range(MAX_HELD + 10, 0, -1):
        track.offer(a_candle(open_ms=START_MS + number * MINUTE_MS))

    track.offer(a_candle())

    for number in range(MAX_HELD):
        ready = track.ready()
        assert ready is not None
        assert ready.open_ms == START_MS + number * MINUTE_MS
        track.published()


def test_candle_that_the_exchange_does_not_have_is_passed_over() -> None:
    track = KlineTrack("BTCUSDT", Interval.ONE_MINUTE)
    track.start(START_MS)

    track.fill([a_candle(open_ms=START_MS + 2 * MINUTE_MS)])

    assert track.ready() == a_candle(open_ms=START_MS + 2 * MINUTE_MS)
