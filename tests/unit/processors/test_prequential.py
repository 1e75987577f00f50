"""The prequential step: no look-ahead, the same twice, and a clear outcome whatever comes."""

import copy
import math
import pickle
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.features.features import Features
from processors.models.protocol import Answer
from processors.models.reference import Reference
from processors.prediction.calibrated_models import default_contestants, installed, retired
from processors.prediction.digest import Digest
from processors.prediction.issue import answer_questions, refresh
from processors.prediction.prequential import Step, step
from processors.prediction.state import SymbolState, start_state
from schemas.market import Candle
from schemas.predictions import Prediction, Score
from tests.support.builders import MINUTE_MS
from tests.support.candle_builders import E8, MIDNIGHT_MS, a_minute, minutes_at, trembling_minutes

DAY = trembling_minutes(1440)


def replayed(candles: Iterable[Candle], state: SymbolState | None = None) -> list[Step]:
    state = state or start_state("BTCUSDT")
    steps = []
    for candle in candles:
        steps.append(step(state, candle))
        state = steps[-1].state
    return steps


def predictions_of(steps: Iterable[Step]) -> list[Prediction]:
    return [prediction for taken in steps for prediction in taken.predictions]


def scores_of(steps: Iterable[Step]) -> list[Score]:
    return [score for taken in steps for score in taken.scores]


def digest_of(candles: Sequence[Candle]) -> str:
    digest = Digest()
    for taken in replayed(candles):
        digest.add(taken.predictions)
    return digest.hex()


def assert_sound(steps: Sequence[Step]) -> None:
    for p in predictions_of(steps):
        assert 0 < p.low_90_e8 <= p.low_50_e8 <= p.price_e8 <= p.high_50_e8 <= p.high_90_e8
        assert p.open_ms <= p.issued_ms < p.close_ms
        assert all(math.isfinite(v) for v in asdict(p).values() if isinstance(v, float))
    for s in scores_of(steps):
        assert all(math.isfinite(v) for v in asdict(s).values() if isinstance(v, float))


def test_each_closed_minute_asks_every_model_once() -> None:
    steps = replayed(DAY)

    later = [taken for taken in steps if taken.predictions]
    assert len(later) == 1440 - 14
    assert {tuple(p.model for p in taken.predictions) for taken in later} == {
        ("reference", "online")
    }
    first = later[0].predictions[0]
    assert first.issued_ms == MIDNIGHT_MS + 15 * MINUTE_MS
    assert first.minutes_to_close == 15


def test_the_reference_predicts_the_last_price() -> None:
    for p in predictions_of(replayed(DAY)):
        if p.model == "reference":
            assert p.price_e8 == p.last_price_e8


def test_a_closed_candle_scores_each_of_its_predictions_at_its_close() -> None:
    steps = replayed(DAY)

    scored = [taken for taken in steps if taken.scores]
    assert len(scored) == 96 - 1
    assert {len(taken.scores) for taken in scored} == {30}
    closes = {candle.close_ms: candle.close_e8 for candle in DAY}
    assert all(s.outcome_e8 == closes[s.close_ms] for s in scores_of(steps))


@settings(max_examples=20, deadline=None)
@given(st.integers(20, 400), st.integers(0, 10**6))
def test_what_comes_later_does_not_change_a_prediction(known: int, seed: int) -> None:
    start_ms = DAY[known - 1].close_ms
    other_future = trembling_minutes(60, seed=seed, start_ms=start_ms)

    before = predictions_of(replayed(DAY[:known] + DAY[known : known + 60]))
    after = predictions_of(replayed(DAY[:known] + other_future))

    known_then = [p for p in before if p.issued_ms <= start_ms]
    assert known_then == [p for p in after if p.issued_ms <= start_ms]
    assert len(known_then) == 2 * (known - 14)


def test_the_same_history_gives_the_same_digest() -> None:
    assert digest_of(DAY) == digest_of(DAY) != digest_of(trembling_minutes(1440, seed=2))


@settings(max_examples=6, deadline=None)
@given(
    st.sets(st.integers(300, 420) | st.integers(20, 599), max_size=40),
    st.integers(100, 500),
    st.integers(20, 599),
)
def test_questions_that_wait_for_the_close_are_answered_as_they_were_live(
    missing: set[int], installed_at: int, stopped_at: int
) -> None:
    kept = [(i, candle) for i, candle in enumerate(DAY[:600]) if i not in missing]
    installs = next(i for i, _ in kept if i >= installed_at)

    def played(*, at_once: bool) -> tuple[str, list[Score], bytes]:
        state, digest, scores = start_state("BTCUSDT"), Digest(), list[Score]()
        for i, candle in kept:
            if i == installs:
                digest.add(reply.prediction for reply in answer_questions(state))
                state.contestants = installed(state.contestants, Boastful())
            if i > stopped_at:  # a predictor goes on from where a replay has ended
                digest.add(reply.prediction for reply in answer_questions(state))
            taken = step(state, candle, at_once=at_once or i > stopped_at)
            digest.add(taken.predictions)
            scores += taken.scores
            state = taken.state
        digest.add(reply.prediction for reply in answer_questions(state))
        return digest.hex(), scores, pickle.dumps(copy.deepcopy(state))

    assert played(at_once=False) == played(at_once=True)


@settings(max_examples=10, deadline=None)
@given(st.lists(st.integers(1, 599), max_size=4))
def test_a_candle_that_is_known_already_changes_nothing(places: list[int]) -> None:
    repeated = [
        c for i, c in enumerate(DAY[:600]) for c in ([c, DAY[i - 1]] if i in places else [c])
    ]

    assert digest_of(repeated) == digest_of(DAY[:600])


def test_a_copied_state_goes_on_as_the_original_would() -> None:
    state = replayed(DAY[:700])[-1].state
    twin = copy.deepcopy(state)

    assert predictions_of(replayed(DAY[700:], twin)) == predictions_of(replayed(DAY[700:], state))


def test_too_little_history_issues_nothing() -> None:
    assert predictions_of(replayed(DAY[:14])) == []


def test_a_cold_start_says_so_and_is_wider() -> None:
    first = predictions_of(replayed(DAY))[1]

    assert first.model == "online"
    assert first.status == "cold"
    ready = trembling_minutes(1440 * 2)
    last = predictions_of(replayed(ready))[-1]
    assert last.status == "ready"


def test_missing_minutes_are_told_and_widen_the_interval() -> None:
    candles = trembling_minutes(1440 * 2)
    whole = predictions_of(replayed(candles))[-1]
    holed = predictions_of(replayed(candles[:-4] + candles[-3:]))[-1]

    assert (whole.status, holed.status) == ("ready", "gapped")
    assert holed.high_90_e8 - holed.low_90_e8 > 1.3 * (whole.high_90_e8 - whole.low_90_e8)


def test_a_candle_whose_close_is_missing_is_not_scored() -> None:
    steps = replayed(DAY[:59] + DAY[60:90])

    assert {s.close_ms for s in scores_of(steps)} == {
        MIDNIGHT_MS + 30 * MINUTE_MS,
        MIDNIGHT_MS + 45 * MINUTE_MS,
        MIDNIGHT_MS + 75 * MINUTE_MS,
        MIDNIGHT_MS + 90 * MINUTE_MS,
    }


def test_a_minute_whose_trades_are_incomplete_counts_as_missing() -> None:
    holed = replayed([*DAY[:59], replace(DAY[59], status="gapped"), *DAY[60:90]])

    assert holed[59].predictions == ()
    assert predictions_of(holed) == predictions_of(replayed(DAY[:59] + DAY[60:90]))


@pytest.mark.parametrize("days_missing", [0.01, 0.5, 3])
def test_a_hole_of_any_length_is_survived(days_missing: float) -> None:
    start_ms = DAY[599].close_ms + int(days_missing * 1440) * MINUTE_MS
    steps = replayed(DAY[:600] + trembling_minutes(400, seed=3, start_ms=start_ms))

    assert_sound(steps)
    assert predictions_of(steps)[-1].status != "gapped"


def test_what_moved_during_a_hole_is_not_taken_for_the_move_of_the_candle_behind_it() -> None:
    far = [raised(c, 1.1) for c in DAY[600:614]]

    def moved(candles: Sequence[Candle]) -> float:
        x = replayed(candles)[-1].state.features.read(candles[-1].close_ms)
        return x["candle_to_date"]

    assert moved(DAY[:300] + far) == 0.0
    assert moved(DAY[:300] + far[3:]) == 0.0  # its first minutes are missing too
    # Where nothing is missing before its first minute it opened at the price before.
    assert moved(DAY[:614]) != 0.0
    assert moved(DAY[:600] + DAY[601:614]) != 0.0


def raised(candle: Candle, factor: float) -> Candle:
    """Return a candle at other prices."""
    names = "open_e8", "high_e8", "low_e8", "close_e8"
    return replace(candle, **{name: int(getattr(candle, name) * factor) for name in names})


def test_what_moved_during_a_hole_is_not_taken_for_a_minutes_variance() -> None:
    start_ms = DAY[599].close_ms + 1440 * MINUTE_MS
    after = trembling_minutes(40, seed=3, start_ms=start_ms)
    moved = [
        replace(
            c,
            open_e8=2 * c.open_e8,
            high_e8=2 * c.high_e8,
            low_e8=2 * c.low_e8,
            close_e8=2 * c.close_e8,
        )
        for c in after
    ]

    still, jumped = (predictions_of(replayed([*DAY[:600], *rest])) for rest in (after, moved))

    assert [p.volatility_bp for p in jumped] == pytest.approx([p.volatility_bp for p in still])


def test_a_candle_whose_first_trade_may_be_missing_has_no_open() -> None:
    quiet = [replace(DAY[i], volume_e8=0, trade_count=0) for i in (60, 61)]
    state = replayed([*DAY[:60], *quiet, *DAY[63:70]])[-1].state

    assert state.asked[-1].moment.open_e8 is None


def test_minutes_without_trades_are_survived() -> None:
    still = [
        a_minute(DAY[-1].close_ms + i * MINUTE_MS, DAY[-1].close_e8, DAY[-1].close_e8, volume_e8=0)
        for i in range(600)
    ]

    assert_sound(replayed(DAY + still))


def test_a_price_that_is_stuck_is_survived() -> None:
    steps = replayed(minutes_at([1.0] * 1500))

    assert_sound(steps)
    assert scores_of(steps)[-1].covered_50


@pytest.mark.parametrize("factor", [0.7, 1.3, 0.01, 50.0])
def test_a_jump_is_survived_and_widens_what_follows(factor: float) -> None:
    calm = [1000 + i % 3 for i in range(2900)]
    steps = replayed(minutes_at([*calm, *(price * factor for price in calm[:200])]))

    assert_sound(steps)
    before, after = (
        predictions_of(replayed_part) for replayed_part in (steps[:2899], steps[:2905])
    )
    width_before, width_after = (
        (p.high_90_e8 - p.low_90_e8) / p.last_price_e8 for p in (before[-1], after[-1])
    )
    assert width_after > 3 * width_before


def coarse(candle: Candle, times: int) -> Candle:
    prices = ("open_e8", "high_e8", "low_e8", "close_e8")
    return replace(candle, **{name: times * getattr(candle, name) for name in prices})


def test_prices_are_multiples_of_the_step_that_the_candles_have_shown() -> None:
    steps = replayed([coarse(c, 500) for c in DAY[:300]] + [coarse(c, 50) for c in DAY[300:360]])

    priced = [(p.price_e8, p.low_50_e8, p.high_50_e8, p.low_90_e8) for p in predictions_of(steps)]
    rounded, finer = priced[2 * 60 : 2 * 280], priced[2 * 290 :]
    assert not any(v % (5 * E8) for prices in rounded for v in prices)
    assert any(v % (5 * E8) for prices in finer for v in prices)
    assert not any(v % (E8 // 2) for prices in finer for v in prices)
    assert_sound(steps)


class Boastful(Reference):
    """Is sure of a direction that means nothing."""

    name = "boastful"

    def predict_one(self, x: Features, minutes: int) -> Answer:
        return replace(super().predict_one(x, minutes), point=0.002 if minutes % 2 else -0.002)


def test_a_blend_of_more_or_fewer_models_goes_on_with_what_it_has_proven() -> None:
    class Modest(Reference):
        name = "modest"

    first = installed(default_contestants(), Boastful())
    more = installed(first, Modest())
    fewer = retired(more, "modest")

    blends = [c for found in (first, more, fewer) for c in found if c.model.name == "blend"]
    assert [c.model.version for c in blends] == [
        "online+boastful",
        "online+boastful+modest",
        "online+boastful",
    ]
    assert all(c.calibrator is blends[0].calibrator for c in blends)
    assert all(c.chance is blends[0].chance for c in blends)


def test_a_point_that_does_not_hold_is_not_published() -> None:
    contestants = installed(default_contestants(), Boastful())
    state = start_state("BTCUSDT", contestants=contestants)

    last = predictions_of(replayed(trembling_minutes(2 * 1440), state))[-4:]

    assert [p.model for p in last] == ["reference", "online", "boastful", "blend"]
    assert all(p.price_e8 == p.last_price_e8 for p in last)


def test_a_refreshed_prediction_is_narrower_and_leaves_no_trace() -> None:
    state = replayed(DAY[:1000])[-1].state
    twin = copy.deepcopy(state)
    asked = state.asked[-1].replies["online"].prediction

    shown = refresh(state, last_price_e8=asked.last_price_e8, issued_ms=asked.issued_ms + 50_000)

    newer = next(p for p in shown if p.model == "online")
    assert not newer.scored
    assert newer.minutes_to_close == pytest.approx(asked.minutes_to_close - 5 / 6)
    assert newer.high_90_e8 - newer.low_90_e8 < asked.high_90_e8 - asked.low_90_e8
    assert predictions_of(replayed(DAY[1000:], state)) == predictions_of(replayed(DAY[1000:], twin))


@pytest.mark.parametrize("later_s", [50, 70])
def test_a_refreshed_interval_shrinks_with_the_root_of_the_time_left(later_s: int) -> None:
    state = replayed(DAY[:1000])[-1].state
    asked = state.asked[-1]
    issued_ms = asked.moment.issued_ms + 1000 * later_s  # after 60 s the next candle is late

    shown = refresh(state, last_price_e8=asked.moment.last_price_e8, issued_ms=issued_ms)

    share = math.sqrt(1 - later_s / 60 / asked.minutes)
    before = {name: reply.prediction for name, reply in asked.replies.items()}
    for p in shown:
        was = before[p.model].high_90_e8 - before[p.model].low_90_e8
        assert p.high_90_e8 - p.low_90_e8 == pytest.approx(share * was, rel=0.02), p.model


def test_a_candle_that_is_over_is_not_refreshed() -> None:
    state = replayed(DAY[:1000])[-1].state

    late_ms = state.asked[-1].close_ms
    assert refresh(state, last_price_e8=E8, issued_ms=late_ms) == ()


def test_intervals_hold_what_they_promise_in_calm_and_in_storm() -> None:
    steps = replayed(trembling_minutes(1440 * 8))

    late = [s for s in scores_of(steps)[-30 * 96 * 4 :] if s.model == "online"]
    calmest = sorted(late, key=lambda s: s.volatility_bp)
    for part in (late, calmest[: len(late) // 3], calmest[-len(late) // 3 :]):
        assert 0.85 < sum(s.covered_90 for s in part) / len(part) < 0.95
