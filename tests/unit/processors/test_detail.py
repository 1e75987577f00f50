"""The detail that trained models read: the same live as in training, and for nobody else."""

import math
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.features.detail import DETAIL_NAMES, Detail
from processors.features.extremes import Extremes
from processors.features.features import CENTRE, TINY, VARIANCE_FLOOR, VOLATILITY, FeatureState
from processors.features.observation import bar_of, garman_klass
from processors.models.batch import INPUTS, PLAIN_INPUTS, load_batch, row_of
from processors.models.protocol import Answer
from processors.models.reference import Reference
from processors.prediction.calibrated_models import default_contestants, installed
from processors.prediction.prequential import step
from processors.prediction.state import start_state
from processors.training.batch import variance_target
from processors.training.dataset import Table, lessons_of
from processors.training.recipes import TURN, lessons_for
from schemas.market import Candle
from schemas.timeframe import Interval
from tests.support.candle_builders import MIDNIGHT_MS, a_minute, minutes_at, trembling_minutes
from tests.support.model_beside import others_answer_as_without

DAY = trembling_minutes(1440)
LIGHTGBM = Path(__file__).parents[2] / "data" / "lightgbm" / "batch"
Rows = list[list[float]]


class Reader(Reference):
    """Keeps the inputs of what it was asked, as a trained model has them."""

    name = "reader"
    reads_detail = True

    def __init__(self) -> None:
        self.seen: Rows = []

    def predict_one(self, x: dict[str, float], minutes: int) -> Answer:
        self.seen.append(row_of(x, minutes))
        return super().predict_one(x, minutes)


def live(candles: list[Candle]) -> Rows:
    """The inputs of a model that is asked at each of these minutes, as a predictor asks it."""
    reader = Reader()
    state = start_state("", contestants=installed([], reader))
    for candle in candles:
        state = step(state, candle).state
    return reader.seen


def same(some: Rows, others: Rows) -> bool:
    return np.array_equal(np.array(some), np.array(others), equal_nan=True)


def test_the_detail_is_centred_and_all_there_when_candles_carry_trades() -> None:
    features, detail, last_e8 = FeatureState(1), Detail(1), 0
    for candle in DAY[:-5]:
        bar = bar_of(candle, last_e8 or candle.open_e8)
        features.add(bar)
        detail.add(bar)
        last_e8 = candle.close_e8

    found = detail.read(features.read(candle.close_ms), candle.close_ms)

    assert set(found) == set(DETAIL_NAMES)
    assert all(abs(found[name]) < 10 for name in DETAIL_NAMES if name not in {"hour", "minute"})
    assert (found["hour"], found["minute"]) == (pytest.approx(23 + 55 / 60), 55)


def test_without_trades_or_history_the_detail_lacks_what_is_not_known() -> None:
    quiet = [replace(c, volume_e8=0, trade_count=0, status="quiet") for c in DAY[:100]]
    features, detail = FeatureState(1), Detail(1)
    assert detail.read(features.read(MIDNIGHT_MS), MIDNIGHT_MS) == {}
    for candle in quiet[:45]:
        bar = bar_of(candle, candle.open_e8)
        features.add(bar)
        detail.add(bar)

    found = detail.read(features.read(candle.close_ms), candle.close_ms)

    absent = {"trades_1", "size_240", "lopsided_240", "range_candle"}
    assert set(found) == set(DETAIL_NAMES) - absent
    assert all(map(math.isfinite, found.values()))


def test_a_price_that_does_not_move_is_survived() -> None:
    still = minutes_at([1000.0] * 200)

    assert np.isfinite(np.array(live(still)[-1])[: len(INPUTS)]).sum() > len(PLAIN_INPUTS)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 2000), st.integers(0, 10**6), st.sampled_from([1, 15]))
def test_the_detail_is_what_all_candles_together_would_give(
    count: int, seed: int, bar_minutes: int
) -> None:
    candles = trembling_minutes(count, seed=seed)
    pairs = zip(candles, [candles[0].open_e8, *(c.close_e8 for c in candles)], strict=False)
    bars = [replace(bar_of(c, before), minutes=bar_minutes) for c, before in pairs]
    detail = Detail(bar_minutes)
    for bar in bars:
        detail.add(bar)

    found = detail.read({VOLATILITY: 0.5}, candles[-1].close_ms)

    centre = CENTRE - 0.5
    for minutes in (60, 1440):
        window = bars[-max(minutes // bar_minutes, 1) :]
        low = min(bar.low for bar in window)
        span = math.log(max(bar.high for bar in window) / low) + 1e-6
        place = math.log(bars[-1].close / low) / span
        assert found[f"place_{minutes}"] == pytest.approx(place)
        assert 0 <= found[f"place_{minutes}"] <= 1
        wide = 2 * math.log(span) - math.log(minutes) + centre
        assert found[f"span_{minutes}"] == pytest.approx(wide)
    squares = [bar.log_return**2 / bar_minutes for bar in bars]
    falls = [square if b.log_return < 0 else 0 for b, square in zip(bars, squares, strict=True)]
    ranges = [garman_klass(bar) for bar in bars]
    logs = [math.log(variance + VARIANCE_FLOOR) for variance in ranges]
    for half_life in (20, 240):
        usual = weighted_mean(logs, half_life / bar_minutes)
        assert found[f"log_range_{half_life}"] == pytest.approx(usual + centre)
    for name, values in (("squares_1440", squares), ("range_1440", ranges)):
        usual = math.log(weighted_mean(values, 1440 / bar_minutes) + VARIANCE_FLOOR)
        assert found[name] == pytest.approx(usual + centre)
    share = weighted_mean(falls, 60 / bar_minutes)
    share /= weighted_mean(squares, 60 / bar_minutes) + TINY
    assert found["falls_60"] == pytest.approx(share)
    minutes = count % 1440
    assert (found["hour"], found["minute"]) == (pytest.approx(minutes / 60), minutes % 60)


def weighted_mean(values: list[float], half_life: float) -> float:
    """A plain mean, until an exponential one would give the newest value more weight."""
    newest = np.maximum(1 - 0.5 ** (1 / half_life), 1 / np.arange(1, len(values) + 1))
    kept = np.append(np.cumprod(1 - newest[:0:-1])[::-1], 1.0)
    return float(np.dot(newest * kept, values))


@settings(max_examples=10, deadline=None)
@given(st.integers(20, 300), st.integers(0, 10**6), st.sets(st.integers(0, 299), max_size=3))
def test_live_and_in_training_the_detail_is_the_same_bit_for_bit(
    count: int, seed: int, missing: set[int]
) -> None:
    minutes = trembling_minutes(count, seed=seed)
    minutes = [c for i, c in enumerate(minutes) if i not in missing]

    asked = {repr(row) for row in np.array(live(minutes)).tolist()}
    table = lessons_of(minutes, Interval.ONE_MINUTE).table()

    assert {repr(row) for row in table.inputs.tolist()} <= asked
    assert len(table) >= len(asked) - 15 - 15 * len(missing)


@settings(max_examples=6, deadline=None)
@given(st.integers(20, 200), st.integers(0, 10**6))
def test_what_comes_later_does_not_change_the_detail(known: int, seed: int) -> None:
    other = trembling_minutes(30, seed=seed, start_ms=DAY[known - 1].close_ms)

    before, after = live(DAY[: known + 30]), live(DAY[:known] + other)

    assert same(before[: known - 14], after[: known - 14])
    assert not same(before, after)


def test_others_answer_as_if_nobody_read_the_detail() -> None:
    _, plain = others_answer_as_without(Reader(), DAY[:300])

    assert not any(name in DETAIL_NAMES for asked in plain.state.asked for name in asked.x)


def test_a_model_that_comes_later_reads_the_detail_of_the_candles_before_it_too() -> None:
    state, reader = start_state("BTCUSDT", contestants=[]), Reader()
    for candle in DAY[:100]:
        state = step(state, candle).state
    state.contestants = installed(state.contestants, reader)
    for candle in DAY[100:130]:
        state = step(state, candle).state

    assert same(reader.seen, live(DAY[:130])[-30:])


def test_a_version_of_before_the_detail_goes_on_until_a_newer_one_takes_its_place() -> None:
    old = load_batch(LIGHTGBM)
    state = start_state("BTCUSDT")
    state.contestants = installed(default_contestants(), old)
    for candle in DAY[:60]:
        taken = step(state, candle)
        state = taken.state
    assert [p.model for p in taken.predictions] == ["reference", "online", "batch", "blend"]
    assert not any(c.reads_detail for c in state.contestants)

    class Newer(Reader):
        name = "batch"

    assert [c.model.name for c in installed(state.contestants, Newer()) if c.reads_detail] == [
        "batch"
    ]


@given(
    st.integers(1, 8),
    st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), min_size=1, max_size=40),
)
def test_extremes_are_those_of_the_last_candles(width: int, ends: list[tuple[int, int]]) -> None:
    extremes = Extremes(width)
    for count, (a, b) in enumerate(ends, 1):
        extremes.add(float(max(a, b)), float(min(a, b)))
        last = ends[max(count - width, 0) : count]
        assert extremes.highest == max(map(max, last))
        assert extremes.lowest == min(map(min, last))


def test_garman_and_klass_come_to_the_variance_of_a_random_walk() -> None:
    chance, found = random.Random(3), []
    for _ in range(1500):
        path = [1e6]
        for _ in range(100):
            path.append(path[-1] * (1 + chance.gauss(0, 1e-4)))
        prices = [round(price * 100) * 10**6 for price in (path[0], max(path), min(path), path[-1])]
        candle = replace(
            a_minute(MIDNIGHT_MS, prices[0], prices[3]), high_e8=prices[1], low_e8=prices[2]
        )
        found.append(garman_klass(bar_of(candle, prices[0])))

    # A little less than 100 steps of (1e-4)^2, because the range of single steps is too small.
    assert 0.8e-6 < sum(found) / len(found) < 1e-6


def test_the_target_leans_to_the_move_and_is_the_log_variance_on_average() -> None:
    chance = np.random.default_rng(1)
    rows = 20_000
    inputs = np.zeros((rows, len(INPUTS)))
    inputs[:, 0] = chance.integers(1, 16, rows)
    adds_up = chance.random(rows) < 0.5
    excess, moved = chance.normal(0, 0.3, rows), chance.normal(0, 1, rows)
    moved *= np.where(adds_up, 1.5, 0.5)

    target = variance_target(Table(inputs, excess, moved, np.zeros(rows, np.int64)))

    for minutes in range(1, 16):
        asked = inputs[:, 0] == minutes
        assert target[asked].mean() == pytest.approx(excess[asked].mean(), abs=1e-9)
    assert target[adds_up].mean() - target[~adds_up].mean() > 0.5


def test_the_lessons_of_trees_are_of_every_minute_and_every_time_of_day() -> None:
    questions = lessons_for("batch", days=8)
    table = lessons_of(trembling_minutes(4 * 1440), Interval.ONE_MINUTE, questions).table()

    minutes, slots = table.inputs[:, 0], table.open_ms // 900_000 % 96
    places = set(zip(minutes.tolist(), slots.tolist(), strict=True))
    assert len(table) == pytest.approx(4 * 1440 / TURN, rel=0.02)
    assert len(places) > 0.99 * 15 * 96


def test_the_lessons_of_many_symbols_are_fewer_each() -> None:
    assert lessons_for("batch", days=90).wanted.turn == TURN
    assert lessons_for("batch", days=90 * 11).wanted.turn > TURN
    turns = {lessons_for("batch", days=90 * symbols).wanted.turn for symbols in range(1, 500)}
    assert not [turn for turn in turns if turn % 97 == 0]  # a day shifts what is taken by 97
