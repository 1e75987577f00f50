"""The generated market: whoever asks, whenever, in any order, it is the same and it adds up."""

import hashlib
import itertools
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from candlewick.exchange.market.coins import DEFAULT_SYMBOLS, coin_of
from candlewick.exchange.market.columns import Candles, Trades
from candlewick.exchange.market.generated import GeneratedSymbol
from candlewick.exchange.market.intervals import DAY_MINUTES, MINUTE_MS, day_of
from candlewick.exchange.market.minute_plan import Skeleton
from candlewick.exchange.market.minute_points import Points, fills_of, points_of
from candlewick.exchange.market.price_path import LAST_DAY
from candlewick.exchange.market.random_by_address import I64, lane, words
from candlewick.exchange.market.recorded import Recorded, place_for, recorded_candles

FIRST_LAID = 20_650
OLDEST = day_of(date(2020, 9, 1))
minutes = st.integers(OLDEST * DAY_MINUTES, (OLDEST + 3_000) * DAY_MINUTES)
symbols = st.sampled_from(DEFAULT_SYMBOLS)


def laid(symbol: str) -> Recorded | None:
    found = recorded_candles().get(symbol)
    return None if found is None else found.laid_on(FIRST_LAID)


def a_symbol(symbol: str, *, seed: int = 1, rate: float = 150.0) -> GeneratedSymbol:
    return GeneratedSymbol(coin_of(symbol), seed=seed, rate=rate, recorded=laid(symbol))


MARKET = {symbol: a_symbol(symbol) for symbol in DEFAULT_SYMBOLS}
STORM = {symbol: a_symbol(symbol, rate=5_000) for symbol in ("BTCUSDT", "DOTUSDT")}


def row(candles: Candles, at: int) -> tuple[int, ...]:
    one = candles.span(at, at + 1)
    return tuple(int(getattr(one, name)[0]) for name in Candles.__dataclass_fields__)


def candle_from(trades: Trades) -> tuple[int, ...]:
    """The kline of the trades of one minute, in plain Python integers."""
    price, quantity = trades.price_e8.tolist(), trades.quantity_e8.tolist()
    taken = [not maker for maker in trades.buyer_maker.tolist()]
    quote = [p * q for p, q in zip(price, quantity, strict=True)]
    ids = trades.trade_id_edges.tolist()
    return (
        int(trades.time_ms[0]) // MINUTE_MS * MINUTE_MS,
        price[0],
        max(price),
        min(price),
        price[-1],
        sum(quantity),
        sum(quote) // 10**8,
        ids[-1] - ids[0],
        sum(itertools.compress(quantity, taken)),
        sum(itertools.compress(quote, taken)) // 10**8,
        ids[0],
    )


@settings(max_examples=150, deadline=None)
@given(symbols, minutes)
def test_the_trades_of_a_minute_add_up_to_its_kline(symbol: str, minute: int) -> None:
    source = MARKET[symbol]
    trades = source.trades(minute)
    day, place = divmod(minute, DAY_MINUTES)
    expected = row(source.candles(day), place)

    if len(trades):
        assert candle_from(trades) == expected
    else:
        assert expected[1] == expected[2] == expected[3] == expected[4]
        assert expected[5:10] == (0, 0, 0, 0, 0)


@settings(max_examples=20, deadline=None)
@given(st.sampled_from(sorted(STORM)), minutes)
def test_trades_add_up_at_five_thousand_a_second(symbol: str, minute: int) -> None:
    trades = STORM[symbol].trades(minute)
    day, place = divmod(minute, DAY_MINUTES)

    if len(trades):
        assert candle_from(trades) == row(STORM[symbol].candles(day), place)


@settings(max_examples=60, deadline=None)
@given(symbols, minutes, st.integers(1, 2 * DAY_MINUTES))
def test_ids_are_consecutive_over_any_span(symbol: str, minute: int, length: int) -> None:
    source = MARKET[symbol]
    here, there = source.trades(minute), source.trades(minute + length)
    day_edges = [
        int(source.day(day).aggregates[max(minute - first, 0) : minute + length - first].sum())
        for day in range(minute // DAY_MINUTES, (minute + length) // DAY_MINUTES + 1)
        if (first := day * DAY_MINUTES) < minute + length
    ]

    assert there.first_agg_id - here.first_agg_id == sum(day_edges)
    following = source.trades(minute + 1)
    assert following.first_agg_id == here.first_agg_id + len(here)
    assert following.trade_id_edges[0] == here.trade_id_edges[-1]


@settings(max_examples=60, deadline=None)
@given(symbols, minutes)
def test_a_trade_is_found_by_its_id(symbol: str, minute: int) -> None:
    trades = MARKET[symbol].trades(minute)

    for agg_id in {trades.first_agg_id, trades.first_agg_id + len(trades) - 1} if trades else ():
        assert MARKET[symbol].minute_of(agg_id) == minute


@settings(max_examples=40, deadline=None)
@given(symbols, minutes)
def test_trades_are_plausible(symbol: str, minute: int) -> None:
    source = MARKET[symbol]
    trades = source.trades(minute)

    assert (np.diff(trades.time_ms) >= 0).all()
    assert (trades.time_ms // MINUTE_MS == minute).all()
    assert (trades.price_e8 % source.tick_e8 == 0).all()
    assert (trades.price_e8 > 0).all()
    # Every fill of an aggregate is at least one step.
    assert (trades.quantity_e8 >= np.diff(trades.trade_id_edges) * source.step_e8).all()


@settings(max_examples=10, deadline=None)
@given(st.lists(minutes, min_size=2, max_size=6, unique=True), symbols, st.integers(0, 9))
def test_the_order_of_questions_does_not_matter(asked: list[int], symbol: str, seed: int) -> None:
    forwards, backwards = a_symbol(symbol, seed=seed), a_symbol(symbol, seed=seed)
    first = {minute: forwards.trades(minute) for minute in asked}
    second = {minute: backwards.trades(minute) for minute in reversed(asked)}

    for minute in asked:
        for name in Trades.__dataclass_fields__:
            assert np.array_equal(getattr(first[minute], name), getattr(second[minute], name))


def some_minutes(aggregates: I64) -> Skeleton:
    """Minutes of whole numbers only: floating point may differ from one processor to another."""
    noise = words(7, np.arange(len(aggregates), dtype=np.int64))
    open_, close = 10_000 + lane(noise, 0, 10), 10_000 + lane(noise, 10, 10)
    return Skeleton(
        first_minute=29_000_000,
        open=open_,
        high=np.maximum(open_, close) + lane(noise, 20, 8),
        low=np.minimum(open_, close) - lane(noise, 28, 8),
        close=close,
        volume=aggregates * 12 + lane(noise, 36, 20),
        rest_e8=np.zeros_like(aggregates),
        aggregates=aggregates,
    )


@pytest.mark.parametrize(
    ("fewest", "digest"),
    [(0, "6df7040afa50380d"), (4, "2f46c778c8d62db2"), (2_000, "8d5ac49771d4490f")],
)
def test_the_inside_of_a_minute_is_the_same_in_every_version(fewest: int, digest: str) -> None:
    # A stack that is upgraded has stored these trades, and asks the exchange for them again.
    aggregates = np.arange(fewest, fewest + 300, dtype=np.int64) * (np.arange(300) % 7 > 0)
    ids = 123_456 + np.concatenate([[0], np.cumsum(aggregates)[:-1]])
    points = points_of(some_minutes(aggregates), ids, fills_of(1, "FOO"), 99)
    held = hashlib.blake2b(digest_size=8)
    for name in Points.__dataclass_fields__:
        column = getattr(points, name)
        held.update(np.ascontiguousarray(column.T).tobytes())

    assert held.hexdigest() == digest


@pytest.mark.parametrize("symbol", ["BTCUSDT", "ETHUSDT"])
def test_the_recorded_days_are_served_as_they_were(symbol: str) -> None:
    recorded, source = laid(symbol), MARKET[symbol]
    assert recorded is not None
    for day in range(recorded.first_day, recorded.end_day, 13):
        rows = slice((day - FIRST_LAID) * DAY_MINUTES, (day - FIRST_LAID + 1) * DAY_MINUTES)
        served, tick = source.candles(day), source.tick_e8
        assert np.array_equal(served.open_e8, recorded.open[rows] * tick)
        assert np.array_equal(served.high_e8, recorded.high[rows] * tick)
        assert np.array_equal(served.low_e8, recorded.low[rows] * tick)
        assert np.array_equal(served.close_e8, recorded.close[rows] * tick)
        assert np.array_equal(served.volume_e8, recorded.volume_e8[rows])


def test_the_first_recorded_candle_is_the_one_of_2025_05_20() -> None:
    bitcoin = recorded_candles()["BTCUSDT"]

    assert bitcoin.first_day == day_of(date(2025, 5, 20))
    assert len(bitcoin.open) == 90 * DAY_MINUTES
    assert int((bitcoin.volume_e8 == 0).sum()) == 0


def test_a_volume_below_the_step_is_kept_to_the_last_trade() -> None:
    recorded, source = laid("BTCUSDT"), MARKET["BTCUSDT"]
    assert recorded is not None
    fine = np.flatnonzero(recorded.volume_e8 % source.step_e8)
    assert len(fine) == 11
    for at in fine.tolist():
        trades = source.trades(FIRST_LAID * DAY_MINUTES + at)
        assert int(trades.quantity_e8.sum()) == int(recorded.volume_e8[at])
        assert trades.quantity_e8[-1] % source.step_e8 > 0


@pytest.mark.parametrize("symbol", DEFAULT_SYMBOLS)
def test_days_join_without_a_jump(symbol: str) -> None:
    source = MARKET[symbol]
    for day in (FIRST_LAID - 1, FIRST_LAID, FIRST_LAID + 89, FIRST_LAID + 90, OLDEST, OLDEST + 500):
        before, after = source.candles(day - 1), source.candles(day)
        assert abs(int(before.close_e8[-1]) / int(after.open_e8[0]) - 1) < 0.001


def test_price_moves_do_not_depend_on_the_rate() -> None:
    calm, storm = MARKET["DOTUSDT"].day(20_000), STORM["DOTUSDT"].day(20_000)

    assert np.array_equal(calm.close, storm.close)
    assert np.array_equal(calm.high, storm.high)
    assert storm.aggregates.sum() > 20 * calm.aggregates.sum()


def test_quiet_symbols_have_minutes_without_a_trade_and_busy_ones_have_none() -> None:
    quiet = {symbol: int((MARKET[symbol].day(20_000).aggregates == 0).sum()) for symbol in MARKET}

    assert quiet.pop("DOTUSDT") == 70
    assert quiet.pop("LTCUSDT") == 45
    assert set(quiet.values()) == {0}


def test_seeds_differ() -> None:
    assert not np.array_equal(
        a_symbol("SOLUSDT", seed=1).day(20_000).close, a_symbol("SOLUSDT", seed=2).day(20_000).close
    )


@pytest.mark.parametrize("symbol", DEFAULT_SYMBOLS)
def test_prices_stay_near_their_level_for_ever(symbol: str) -> None:
    boundary = MARKET[symbol]._path.boundary * MARKET[symbol].tick_e8 / 1e8
    level = coin_of(symbol).level

    assert level / 20 < boundary.min()
    assert boundary.max() < level * 20
    assert MARKET[symbol].end_minute == LAST_DAY * DAY_MINUTES


def test_a_halt_leaves_minutes_without_trades_and_ids_without_a_break() -> None:
    halted, whole = a_symbol("SOLUSDT"), a_symbol("SOLUSDT")
    first = 20_000 * DAY_MINUTES + 1_430
    halted.halt(first, first + 20)

    lost = sum(len(whole.trades(minute)) for minute in range(first, first + 20))
    assert all(len(halted.trades(minute)) == 0 for minute in range(first, first + 20))
    after, before = halted.trades(first + 20), halted.trades(first - 1)
    assert after.first_agg_id == before.first_agg_id + len(before)
    assert after.trade_id_edges[0] == before.trade_id_edges[-1]
    assert whole.trades(first + 20).first_agg_id - lost == after.first_agg_id
    assert halted.minute_of(after.first_agg_id) == first + 20
    flat = row(halted.candles(20_001), 5)
    assert flat[1] == flat[4] == int(before.price_e8[-1])
    assert flat[5] == 0


def test_the_recorded_days_keep_their_weekday_and_leave_sixty_days_of_past() -> None:
    original = day_of(date(2025, 5, 20))
    for today in range(20_000, 20_100):
        place = place_for(today, original)
        assert (place - original) % 28 == 0
        assert 60 <= today - place < 60 + 28
