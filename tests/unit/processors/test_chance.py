"""The chance that a candle closes up: read off the quantiles, corrected, scored, never ahead."""

import math
import random
from dataclasses import replace
from statistics import NormalDist

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.models.online import Online
from processors.prediction.calibrated_models import contestant, reference
from processors.prediction.chance import ChanceCalibrator, raw_chance
from processors.prediction.chance_tally import ChanceSkill
from processors.prediction.following import THRESHOLDS, Following
from processors.prediction.issue import refresh
from processors.prediction.prequential import Step, step
from processors.prediction.scoreboard import Scoreboard
from processors.prediction.scoring import score_of
from processors.prediction.state import SymbolState, start_state
from schemas.codecs import decode, encode
from schemas.distribution import LEAST_CHANCE, chance_above, chance_at_or_above, normal_score
from schemas.market import Candle
from schemas.predictions import LEVELS, ModelEvent, Prediction, Score
from tests.support.candle_builders import E8, trembling_minutes
from tests.unit.processors.test_prediction_scores import a_prediction

CANDLES = trembling_minutes(3 * 1440)
NORMAL = [NormalDist().inv_cdf(level) for level in LEVELS]
ASCENDING = st.lists(st.floats(-3, 3), min_size=9, max_size=9).map(sorted)


def replay(
    candles: list[Candle], state: SymbolState | None = None
) -> tuple[list[Step], SymbolState]:
    state = state or start_state("BTCUSDT")
    steps = []
    for candle in candles:
        steps.append(step(state, candle))
        state = steps[-1].state
    return steps, state


STEPS, STATE = replay(CANDLES)
OPENS = {c.open_ms: c.open_e8 for c in CANDLES}
PUBLISHED = [p for taken in STEPS for p in taken.predictions]


@given(st.floats(-8, 8))
def test_quantiles_of_a_normal_distribution_give_back_its_chances(value: float) -> None:
    wanted = 1 - NormalDist().cdf(value)

    assert chance_above(normal_score(NORMAL, value)) == pytest.approx(wanted, abs=2e-4)


@given(ASCENDING, st.lists(st.floats(-4, 4), min_size=2, max_size=20).map(sorted))
def test_a_higher_price_is_never_more_likely(quantiles: list[float], values: list[float]) -> None:
    chances = [chance_above(normal_score(quantiles, value)) for value in values]

    assert chances == sorted(chances, reverse=True)
    assert all(LEAST_CHANCE <= chance <= 1 - LEAST_CHANCE for chance in chances)


@given(st.lists(st.floats(-3, 3), min_size=9, max_size=9, unique=True).map(sorted))
def test_at_a_quantile_the_chance_is_what_its_level_leaves(quantiles: list[float]) -> None:
    for quantile, level in zip(quantiles, LEVELS, strict=True):
        chance = chance_above(normal_score(quantiles, quantile))
        assert chance == pytest.approx(1 - level)


def test_a_price_that_does_not_move_is_surely_on_its_own_side() -> None:
    stuck = (0.0,) * 9

    assert raw_chance(stuck, -1e-6) == 1 - LEAST_CHANCE
    assert raw_chance(stuck, 1e-6) == LEAST_CHANCE


def test_a_correction_removes_a_bias_within_two_weeks_and_then_leaves_it() -> None:
    dice, calibrator = random.Random(1), ChanceCalibrator()
    errors = []
    for i in range(2_688):
        claimed = dice.uniform(0.1, 0.9)
        happened = dice.random() < claimed + 0.06
        errors.append((i, claimed + 0.06 - calibrator.calibrated(claimed, 5)))
        calibrator.learn_one(claimed, 5, happened=happened)

    late = [error for i, error in errors if i >= 1_344]
    assert abs(sum(late) / len(late)) < 0.02
    assert calibrator.calibrated(0.3, 6) == 0.3  # another number of minutes left


def test_a_chance_that_is_right_is_hardly_corrected() -> None:
    dice, calibrator = random.Random(2), ChanceCalibrator()
    for _ in range(1_344):
        claimed = dice.uniform(0.05, 0.95)
        calibrator.learn_one(claimed, 5, happened=dice.random() < claimed)

    for claimed in (0.1, 0.3, 0.5, 0.7, 0.9):
        assert calibrator.calibrated(claimed, 5) == pytest.approx(claimed, abs=0.025)


def test_every_prediction_carries_its_chance_and_nine_quantiles_in_order() -> None:
    assert len(PUBLISHED) == 2 * (len(CANDLES) - 14)
    for p in PUBLISHED:
        begins = p.issued_ms == p.open_ms
        assert p.open_e8 == (None if begins else OPENS[p.open_ms])
        assert p.chance_up is not None
        assert list(p.quantiles_e8) == sorted(p.quantiles_e8)
        assert len(p.quantiles_e8) == len(LEVELS)


def test_the_reference_stays_naive_and_the_models_are_corrected() -> None:
    assert reference().chance is None
    assert contestant(Online()).chance is not None


def test_the_further_the_price_is_above_the_open_the_likelier_it_closes_up() -> None:
    last_minute = [p for p in PUBLISHED if p.minutes_to_close == 1 and p.open_e8]
    for p in last_minute:
        assert p.chance_up is not None
        assert p.open_e8 is not None
        move = math.log(p.last_price_e8 / p.open_e8)
        width = math.log(p.high_98_e8 / p.low_98_e8)  # type: ignore[operator]
        if abs(move) > width:
            assert p.chance_up > 0.95 if move > 0 else p.chance_up < 0.05


def test_chances_come_true_as_often_as_they_say() -> None:
    scores = [s for taken in STEPS for s in taken.scores if s.brier is not None]
    for model in ("reference", "online"):
        cases = [s for s in scores if s.model == model and s.chance_up is not None]
        claimed = sum(s.chance_up for s in cases) / len(cases)  # type: ignore[misc]
        happened = sum(bool(s.up) for s in cases) / len(cases)
        assert claimed == pytest.approx(happened, abs=0.04)
        assert sum(s.brier for s in cases) / len(cases) < 0.2  # type: ignore[misc]


def test_a_score_knows_whether_the_candle_closed_up_and_what_the_chance_was_worth() -> None:
    made = a_prediction(chance_up=0.8)

    up = score_of(made, 1001 * E8, 1001 * E8)
    down = score_of(made, 1001 * E8, 1002 * E8)
    unknown = score_of(made, 1001 * E8)

    assert (up.up, up.brier, up.log_loss) == (
        True,
        pytest.approx(0.04),
        pytest.approx(-math.log(0.8)),
    )
    assert (down.up, down.brier, down.log_loss) == (
        False,
        pytest.approx(0.64),
        pytest.approx(-math.log(0.2)),
    )
    assert (unknown.up, unknown.brier, unknown.log_loss) == (None, None, None)


def test_the_loss_of_nine_quantiles_stands_beside_that_of_four() -> None:
    wide = a_prediction(
        low_98_e8=990 * E8, low_80_e8=996 * E8, high_80_e8=1004 * E8, high_98_e8=1010 * E8
    )

    score, old = score_of(wide, 1001 * E8), score_of(a_prediction(), 1001 * E8)

    def loss(quantile: int, level: float) -> float:
        error = 1e4 * math.log(1001 / quantile)
        return max(level * error, (level - 1) * error)

    quantiles = (990, 995, 996, 998, 1000, 1002, 1004, 1005, 1010)
    losses = [loss(q, level) for q, level in zip(quantiles, LEVELS, strict=True)]
    assert score.pinball_nine_bp == pytest.approx(sum(losses) / 9)
    assert old.pinball_nine_bp is None
    assert score.pinball_bp == old.pinball_bp


@settings(max_examples=5, deadline=None)
@given(st.integers(2 * 1440, 3 * 1440 - 61), st.integers(0, 10**6))
def test_what_comes_later_does_not_change_a_chance_that_has_learned(known: int, seed: int) -> None:
    start_ms = CANDLES[known - 1].close_ms
    other, _ = replay(CANDLES[:known] + trembling_minutes(30, seed=seed, start_ms=start_ms))

    then = [p for taken in other for p in taken.predictions if p.issued_ms <= start_ms]
    assert then == [p for p in PUBLISHED if p.issued_ms <= start_ms]


def test_without_the_first_minute_of_the_candle_there_is_no_chance() -> None:
    candles = [c for c in CANDLES[:1500] if c.open_ms != CANDLES[1440].open_ms]

    steps, _ = replay(candles)

    of_it = [p for t in steps for p in t.predictions if p.open_ms == CANDLES[1440].open_ms]
    assert {p.chance_up is None for p in of_it if p.issued_ms > p.open_ms} == {True}
    scores = [s for t in steps for s in t.scores if s.open_ms == CANDLES[1440].open_ms]
    assert {(s.up, s.brier) for s in scores} == {(None, None)}
    assert len(scores) > 0


def test_within_the_first_minute_the_open_is_known_from_the_open_candle() -> None:
    steps, state = replay(CANDLES[:1455])
    price = CANDLES[1454].close_e8 * 102 // 100
    now_ms = state.next_ms + 20_000

    blind = refresh(state, last_price_e8=price, issued_ms=now_ms)
    told = refresh(state, last_price_e8=price, issued_ms=now_ms, open_e8=CANDLES[1454].close_e8)

    assert [p.chance_up for p in blind] == [None, None]
    assert all(p.chance_up is not None and p.chance_up > 0.7 for p in told)
    assert steps[-1].predictions[0].minutes_to_close == 15


def test_the_chance_has_a_champion_of_its_own() -> None:
    events = [e for taken in STEPS for e in taken.events]
    assert all(ModelEvent(e.event) for e in events)
    for p in STEPS[-1].predictions:
        assert p.chance_champion == (p.model == STATE.chance_championship.champion)


def test_predictions_and_scores_with_a_chance_travel_as_they_are() -> None:
    made = STEPS[-1].predictions[1]
    score = next(s for taken in reversed(STEPS) for s in taken.scores)

    assert decode(Prediction, encode(made)) == made
    assert decode(type(score), encode(score)) == score


def test_the_chance_of_a_price_agrees_with_the_published_one_at_the_open() -> None:
    for p in PUBLISHED[-60:]:
        open_e8 = p.open_e8 or p.last_price_e8
        assert chance_at_or_above(p, open_e8) == pytest.approx(p.chance_up, abs=1e-3)
        further = [chance_at_or_above(p, open_e8 * (1000 + step) // 1000) for step in range(-9, 10)]
        assert further == sorted(further, reverse=True)  # type: ignore[type-var]


def test_a_prediction_of_the_first_contract_has_no_chance_of_a_price() -> None:
    old = replace(PUBLISHED[-1], low_98_e8=None, chance_up=None)

    assert old.quantiles_e8 == ()
    assert chance_at_or_above(old, old.price_e8) is None


def chance_skill(cases: list[tuple[float, bool]], reference: float = 0.5) -> ChanceSkill:
    board = Scoreboard()
    for i, (chance, up) in enumerate(cases):
        asked = a_prediction(open_ms=i * 900_000, issued_ms=i * 900_000, close_ms=(i + 1) * 900_000)
        open_e8, close_e8 = 1000 * E8, (1000 if up else 999) * E8
        board.add(
            score_of(replace(asked, model=model, chance_up=told), close_e8, open_e8)
            for model, told in (("reference", reference), ("online", chance))
        )
    found = next(skill for skill in board.skills() if skill.model == "online").chance
    assert found is not None
    return found


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from([0.05, 0.25, 0.65, 0.95]), st.booleans()), min_size=5))
def test_the_brier_score_is_reliability_less_resolution_plus_uncertainty(
    cases: list[tuple[float, bool]],
) -> None:
    found = chance_skill(cases)

    parts = found.reliability - found.resolution + found.uncertainty
    assert found.brier == pytest.approx(parts, abs=1e-9)  # exact: one value in each tenth
    assert sum(tenth.cases for tenth in found.tenths) == found.cases == len(cases)


def test_a_chance_is_compared_with_the_constant_interval_and_with_the_climate() -> None:
    found = chance_skill([(0.8, True), (0.8, True), (0.8, True), (0.8, False)] * 3)

    assert found.brier == pytest.approx((3 * 0.04 + 0.64) / 4)
    assert found.brier_better_pct == pytest.approx(100 * (1 - found.brier / 0.25))
    assert found.climatology_better_pct == pytest.approx(100 * (1 - found.brier / 0.1875))
    assert found.tenths[8].share_up == pytest.approx(0.75)
    assert list(found.by_minutes) == [10]


def test_scores_from_before_the_chance_are_left_out_of_its_skill() -> None:
    board = Scoreboard()
    board.add(
        score_of(replace(a_prediction(), model=m), 1001 * E8) for m in ("reference", "online")
    )

    assert [skill.chance for skill in board.skills()] == [None, None, None]
    assert board.skills()[0].cases == 1


def a_candle_of_scores(
    place: int, told: list[float], last_prices: list[int], close: int, open_price: int = 1000
) -> list[Score]:
    opened = place * 900_000
    scores = []
    for minute, (chance, last) in enumerate(zip(told, last_prices, strict=True)):
        asked = a_prediction(
            open_ms=opened,
            close_ms=opened + 900_000,
            issued_ms=opened + minute * 60_000,
            last_price_e8=last * E8,
            price_e8=last * E8,
        )
        scores += [
            score_of(
                replace(asked, model=model, chance_up=chance, chance_champion=model == "online"),
                close * E8,
                open_price * E8,
            )
            for model in ("reference", "online")
        ]
    return scores


def test_following_buys_at_the_first_price_at_which_the_chance_is_high_enough() -> None:
    following = Following()
    following.add(a_candle_of_scores(0, [0.5, 0.65, 0.9], [1000, 1004, 1010], close=1008))
    following.add(a_candle_of_scores(1, [0.5, 0.35, 0.1], [1000, 996, 990], close=992))

    rows = {row.threshold: row for row in following.earned()}

    bought, sold = 1e4 * math.log(1008 / 1004), -1e4 * math.log(992 / 996)
    assert rows[0.6].trades == 2
    assert rows[0.6].gross_bp == pytest.approx((bought + sold) / 2)
    assert rows[0.6].net_bp[2] == pytest.approx(rows[0.6].gross_bp - 20)
    late = 1e4 * math.log(1008 / 1010), -1e4 * math.log(992 / 990)
    assert rows[0.9].gross_bp == pytest.approx(sum(late) / 2)


def test_chances_near_even_are_not_followed() -> None:
    following = Following()
    following.add(a_candle_of_scores(0, [0.5, 0.505], [1000, 1001], close=1008))

    assert [row.trades for row in following.earned()] == [0] * len(THRESHOLDS)


def test_the_champions_chance_is_that_of_the_champion_of_the_chance() -> None:
    board = Scoreboard()
    for place in range(4):
        scores = a_candle_of_scores(place, [0.8], [1000], close=1001)
        board.add(
            replace(s, champion=s.model == "reference")
            if s.model == "online"
            else replace(s, champion=True, chance_up=0.5, brier=0.25)
            for s in scores
        )

    skills = {s.model: s for s in board.skills()}

    assert list(skills) == ["reference", "online", "champion"]
    assert skills["champion"].pinball_better_pct == 0
    assert skills["champion"].chance is not None
    assert skills["champion"].chance.brier == pytest.approx(0.04)


def test_a_price_far_away_is_out_of_reach_however_much_was_corrected() -> None:
    p = replace(PUBLISHED[-1], chance_up=0.9)
    corrected = replace(p, chance_up=0.6, open_e8=p.low_98_e8)

    for asked in (p, corrected):
        assert chance_at_or_above(asked, asked.last_price_e8 * 3) == LEAST_CHANCE
        assert chance_at_or_above(asked, asked.last_price_e8 // 3) == 1 - LEAST_CHANCE
