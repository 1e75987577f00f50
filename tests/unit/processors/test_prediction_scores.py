"""What a prediction was worth, who is better, and how sure that is."""

import math
import random
from dataclasses import astuple, fields, replace
from typing import cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.features.features import NAMES, POINT_NAMES, TRADE_NAMES, FeatureState
from processors.features.observation import bar_of
from processors.models.batch import row_of
from processors.models.protocol import Answer
from processors.prediction.champion import Championship
from processors.prediction.intervals import Missed, Offsets, RollingQuantiles, TrackedQuantiles
from processors.prediction.prequential import step
from processors.prediction.prices import price_at, prices_at, widened
from processors.prediction.scoreboard import Scoreboard
from processors.prediction.scoring import score_of
from processors.prediction.state import start_state
from processors.significance import newey_west_error, skill_with_error
from processors.training.dataset import lessons_of
from processors.uncertainty.formulas import pinball
from schemas.codecs import decode, encode
from schemas.predictions import LEVELS, ModelVersion, Prediction, Score, TrainingRequest
from schemas.timeframe import Interval
from tests.support.builders import START_MS
from tests.support.candle_builders import E8, trembling_minutes

PRICES = st.integers(1, 10**15)


def a_prediction(**changes: object) -> Prediction:
    made = Prediction(
        symbol="BTCUSDT",
        interval="15m",
        open_ms=0,
        close_ms=900_000,
        issued_ms=300_000,
        minutes_to_close=10.0,
        model="online",
        version="1",
        status="ready",
        scored=True,
        champion=True,
        last_price_e8=1000 * E8,
        price_e8=1000 * E8,
        low_50_e8=998 * E8,
        high_50_e8=1002 * E8,
        low_90_e8=995 * E8,
        high_90_e8=1005 * E8,
        volatility_bp=4.5,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def test_a_prediction_travels_as_it_is() -> None:
    made = a_prediction(open_ms=START_MS, close_ms=START_MS + 900_000, issued_ms=START_MS + 300_000)
    score = score_of(made, 1001 * E8)
    event = ModelVersion("online", "2", "BTCUSDT", "drift", START_MS, "why", "{}")
    request = TrainingRequest("", "batch", START_MS, START_MS + 2, "timer", START_MS)

    assert decode(Prediction, encode(made)) == made
    assert decode(Score, encode(score)) == score
    assert decode(ModelVersion, encode(event)) == event
    assert decode(TrainingRequest, encode(request)) == request


def test_a_score_keeps_what_identifies_its_prediction() -> None:
    made = a_prediction()
    score = score_of(made, 1001 * E8)

    shared = {f.name for f in fields(Score)} & {f.name for f in fields(Prediction)}
    assert {"symbol", "interval", "open_ms", "issued_ms", "model", "version"} <= shared
    assert all(getattr(score, name) == getattr(made, name) for name in shared)


@given(PRICES, st.lists(PRICES, min_size=5, max_size=5))
def test_scores_follow_their_definitions(outcome: int, prices: list[int]) -> None:
    low_90, low_50, price, high_50, high_90 = sorted(prices)
    s = score_of(
        a_prediction(
            price_e8=price,
            low_50_e8=low_50,
            high_50_e8=high_50,
            low_90_e8=low_90,
            high_90_e8=high_90,
        ),
        outcome,
    )

    quantiles = {5: low_90, 25: low_50, 75: high_50, 95: high_90}
    logs = {level: 1e4 * math.log(price_e8) for level, price_e8 in quantiles.items()}
    y = 1e4 * math.log(outcome)
    losses = [max(q / 100 * (y - at), (q / 100 - 1) * (y - at)) for q, at in logs.items()]
    assert s.pinball_bp == pytest.approx(sum(losses) / 4, abs=1e-6)
    assert s.covered_90 == (low_90 <= outcome <= high_90)
    assert s.covered_50 == (low_50 <= outcome <= high_50)
    outside = max(logs[5] - y, 0) + max(y - logs[95], 0)
    assert s.winkler_90_bp == pytest.approx(logs[95] - logs[5] + 20 * outside, abs=1e-6)
    assert s.absolute_error_bp == pytest.approx(abs(y - 1e4 * math.log(price)), abs=1e-6)
    assert s.squared_error_bp2 == pytest.approx(s.absolute_error_bp**2)


@given(st.lists(st.floats(-100, 100), min_size=3, max_size=60), st.floats(0.05, 0.95))
def test_no_value_has_less_pinball_loss_than_the_quantile(seen: list[float], level: float) -> None:
    best = float(np.quantile(seen, level, method="inverted_cdf"))

    def loss(value: float) -> float:
        return sum(pinball(y - value, level) for y in seen)

    assert all(loss(best) <= loss(other) + 1e-6 for other in seen)


@given(
    PRICES,
    st.integers(1, 10**9),
    st.lists(st.floats(-5, 5), min_size=9, max_size=9),
    st.floats(0.01, 5),
)
def test_published_prices_are_in_order_and_multiples_of_the_tick(
    last: int, tick: int, offsets: list[float], factor: float
) -> None:
    wider = widened(cast("Offsets", tuple(sorted(offsets))), factor)

    prices = prices_at(last, wider, tick)

    assert prices == sorted(prices)
    assert prices[0] > 0
    assert prices[4] == price_at(last, sorted(offsets)[4], tick)
    assert not any(price % tick for price in prices)


def test_tracked_quantiles_cover_what_they_promise_whatever_the_distribution() -> None:
    chance = random.Random(1)
    tracked = TrackedQuantiles()
    misses = [0, 0, 0, 0]
    for i in range(20_000):
        y = chance.expovariate(1) ** 2 * chance.choice((-1, 1))
        q = tracked.offsets(Answer(0.0, 1.0), 5)
        pairs = ((q[3], q[5]), (q[2], q[6]), (q[1], q[7]), (q[0], q[8]))
        missed = cast("Missed", tuple(not low <= y <= high for low, high in pairs))
        tracked.learn_one(Answer(0.0, 1.0), 5, y, missed)
        if i >= 2_000:
            misses = [count + miss for count, miss in zip(misses, missed, strict=True)]

    assert misses[0] / 18_000 == pytest.approx(0.5, abs=0.01)
    assert misses[1] / 18_000 == pytest.approx(0.2, abs=0.007)
    assert misses[2] / 18_000 == pytest.approx(0.1, abs=0.005)
    assert misses[3] / 18_000 == pytest.approx(0.02, abs=0.003)


NO_MISS = (False, False, False, False)


def test_hits_of_a_single_price_narrow_an_interval_no_further_than_a_part_of_the_step() -> None:
    tracked, calm = TrackedQuantiles(), Answer(0.0, 1e-4)
    for _ in range(5_000):
        tracked.learn_one(calm, 1, 0.0, NO_MISS, finest=2e-5)

    assert tracked.offsets(calm, 1)[5] == pytest.approx(2e-5, rel=0.01)


def test_a_calm_below_the_price_step_leaves_the_interval_as_it_was() -> None:
    tracked, calm, storm = TrackedQuantiles(), Answer(0.0, 1e-5), Answer(0.0, 1e-3)
    before = tracked.offsets(storm, 1)
    for _ in range(5_000):
        tracked.learn_one(calm, 1, 0.0, NO_MISS, finest=3e-5)

    assert tracked.offsets(storm, 1) == before


def test_rolling_quantiles_are_those_of_the_last_seven_days() -> None:
    rolling, answer = RollingQuantiles(), Answer(0.0, 1.0)
    values = [random.Random(i).gauss(0, 1) for i in range(900)]
    for value in values:
        rolling.learn_one(answer, 5, value, None)

    expected = np.quantile(values[-672:], LEVELS)
    expected[4] = 0.0  # the last price
    assert rolling.offsets(answer, 5) == pytest.approx(tuple(expected))


def test_the_standard_error_of_independent_values_is_the_usual_one() -> None:
    values = np.random.default_rng(1).normal(size=20_000)

    assert newey_west_error(values) == pytest.approx(1 / math.sqrt(20_000), rel=0.1)


def test_neighbours_that_are_alike_make_the_standard_error_larger() -> None:
    values = np.repeat(np.random.default_rng(2).normal(size=5_000), 4)

    assert newey_west_error(values) > 1.6 * values.std() / math.sqrt(len(values))


def test_skill_is_one_less_the_ratio_of_the_losses() -> None:
    skill, error = skill_with_error(np.full(50, 3.0), np.full(50, 4.0))

    assert (skill, error) == (0.25, 0.0)
    assert math.isnan(skill_with_error(np.zeros(0), np.zeros(0))[0])


def test_the_reference_has_no_skill_against_itself() -> None:
    state, board = start_state("BTCUSDT"), Scoreboard()
    for candle in trembling_minutes(2 * 1440):
        taken = step(state, candle)
        board.add(reversed(taken.scores))

    reference, online = sorted(
        (s for s in board.skills() if s.model != "champion"), key=lambda s: s.model, reverse=True
    )
    assert (reference.point_skill, reference.pinball_better_pct) == (0.0, 0.0)
    assert online.cases == reference.cases == sum(c.cases for c in online.by_fifth)
    assert list(online.by_minutes) == list(range(15, 0, -1))
    assert online.pinball_better_pct > 0


def scored_minutes(days: int) -> list[Score]:
    state, scores = start_state("BTCUSDT"), []
    for candle in trembling_minutes(days * 1440, start_ms=MONDAY_MS):
        taken = step(state, candle)
        scores += taken.scores
    return scores


MONDAY_MS = 1_706_486_400_000  # 2024-01-29: the month ends in the middle of the week


@pytest.fixture(scope="module")
def ten_days() -> list[Score]:
    return scored_minutes(10)


def test_a_scoreboard_fed_by_the_candle_is_the_one_fed_at_once(ten_days: list[Score]) -> None:
    at_once, by_candle = Scoreboard(), Scoreboard()
    at_once.add(ten_days)
    for start in range(0, len(ten_days), 7_530):
        by_candle.add(ten_days[start : start + 7_530])
        by_candle.skills()  # folds what waits

    for one, other in zip(at_once.skills(), by_candle.skills(), strict=True):
        assert (one.model, one.cases, one.days.worse) == (
            other.model,
            other.cases,
            other.days.worse,
        )
        assert one.pinball_better_error == pytest.approx(other.pinball_better_error)
        assert astuple(one.overall) == pytest.approx(astuple(other.overall))
        assert [c.cases for c in one.by_fifth] == [c.cases for c in other.by_fifth]


def test_a_scoreboard_keeps_the_means_of_the_scores(ten_days: list[Score]) -> None:
    board = Scoreboard()
    board.add(ten_days)

    online = next(s for s in board.skills() if s.model == "online")
    mine, bar = ([s for s in ten_days if s.model == name] for name in ("online", "reference"))
    ratio = sum(s.pinball_bp for s in mine) / sum(s.pinball_bp for s in bar)
    assert online.pinball_better_pct == pytest.approx(100 * (1 - ratio))
    ratio = sum(s.winkler_90_bp for s in mine) / sum(s.winkler_90_bp for s in bar)
    assert online.winkler_better_pct == pytest.approx(100 * (1 - ratio))
    for minutes, found in online.by_minutes.items():
        held = [s.covered_90 for s in mine if s.minutes_to_close == minutes]
        assert (found.cases, found.coverage_90) == (len(held), pytest.approx(np.mean(held)))
    ordered = sorted(mine, key=lambda s: s.volatility_bp)
    for i, found in enumerate(online.by_fifth):
        fifth = ordered[len(ordered) * i // 5 : len(ordered) * (i + 1) // 5]
        assert found.cases == pytest.approx(len(fifth), rel=0.03)
        assert found.width_90_bp == pytest.approx(np.mean([s.width_90_bp for s in fifth]), rel=0.01)


def test_months_add_up_to_the_whole(ten_days: list[Score]) -> None:
    board = Scoreboard()
    board.add(ten_days)

    months = board.months()
    assert list(months) == ["2024-01", "2024-02"]
    for whole in board.skills():
        parts = [next(s for s in month if s.model == whole.model) for month in months.values()]
        assert whole.cases == sum(s.cases for s in parts)
        assert whole.days.count == sum(s.days.count for s in parts) == 10
        assert whole.days.worse == sum(s.days.worse for s in parts)


def test_worse_days_and_the_worst_whole_week_are_counted(ten_days: list[Score]) -> None:
    spoilt_ms = MONDAY_MS + 3 * 86_400_000
    spoilt = [
        replace(s, pinball_bp=s.pinball_bp + (10 if s.open_ms >= spoilt_ms else -0.1))
        if s.model == "online"
        else s
        for s in ten_days
    ]
    board = Scoreboard()
    board.add(spoilt)

    days = next(s for s in board.skills() if s.model == "online").days
    week = [s for s in spoilt if s.open_ms < MONDAY_MS + 7 * 86_400_000]
    mine, bar = (sum(s.pinball_bp for s in week if s.model == m) for m in ("online", "reference"))
    assert (days.count, days.worse) == (10, 7)
    assert days.worst_week_ms == MONDAY_MS  # the second week is not whole
    assert days.worst_week_pct == pytest.approx(100 * (1 - mine / bar))


def losses_of(seed: int, better: float) -> list[dict[str, float]]:
    chance = random.Random(seed)
    common = [chance.expovariate(1) for _ in range(1500)]
    return [{"reference": c, "online": c * (1 - better) + chance.gauss(0, 0.05)} for c in common]


def test_a_better_model_becomes_champion_with_its_evidence() -> None:
    championship = Championship("reference")
    promotions = [p for losses in losses_of(1, 0.05) if (p := championship.add(losses))]

    assert [(p.former, p.model) for p in promotions] == [("reference", "online")]
    assert promotions[0].improvement == pytest.approx(0.05, abs=0.03)
    assert promotions[0].standard_errors > 2
    assert promotions[0].candles >= 96


def test_a_worse_model_leaves_the_reference_champion() -> None:
    championship = Championship("reference")
    for losses in losses_of(2, -0.05):
        assert championship.add(losses) is None
    assert championship.champion == "reference"


def test_the_champion_loses_its_place_when_it_becomes_worse() -> None:
    championship = Championship("reference")
    for losses in losses_of(3, 0.1) + losses_of(4, -0.2):
        championship.add(losses)
    assert championship.champion == "reference"


def test_training_sees_bit_for_bit_what_was_seen_live() -> None:
    candles = trembling_minutes(600)
    live = start_state("BTCUSDT")
    live.contestants = [replace(c, reads_detail=True) for c in live.contestants]
    asked = []
    for candle in candles:
        taken = step(live, candle)
        live = taken.state
        asked += live.asked[-1:] if taken.predictions else []

    table = lessons_of(candles, Interval.ONE_MINUTE).table()

    assert len(table) == 585
    rows = [row_of(a.x, a.minutes) for a in asked[: len(table)]]
    assert np.array_equal(np.array(rows), table.inputs, equal_nan=True)


def test_features_are_centred_and_all_there_when_candles_carry_trades() -> None:
    state, last_e8 = FeatureState(1), 0
    for candle in trembling_minutes(1440):
        state.add(bar_of(candle, last_e8 or candle.open_e8))
        last_e8 = candle.close_e8

    x = state.read(candle.close_ms)

    assert set(x) == {*NAMES, *TRADE_NAMES, *POINT_NAMES}
    assert all(abs(value) < 8 for value in x.values())
