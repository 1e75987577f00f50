"""Metrics and intervals in River's style keep River's conventions and agree with our scores."""

import copy
import pickle
import random
from math import log

import pytest
from hypothesis import given
from hypothesis import strategies as st
from river import linear_model, metrics, preprocessing
from river.base import Regressor
from river.checks import check_estimator
from river.conf import Interval, RegressionJackknife
from river.metrics.base import RegressionMetric

from processors.prediction.scoring import BP, score_of
from processors.uncertainty.metrics import Coverage, PinballLoss, WinklerScore
from processors.uncertainty.scaled_interval import ScaledInterval
from tests.support.api_market import a_prediction

E8 = 10**8
numbers = st.floats(-1e6, 1e6)


def linear() -> Regressor:
    return preprocessing.StandardScaler() | linear_model.LinearRegression()


@pytest.mark.parametrize(
    ("metric", "predicted"),
    [
        (PinballLoss(0.9), 2.0),
        (WinklerScore(0.5), Interval(1.0, 2.0)),
        (Coverage(), Interval(1.0, 2.0)),
    ],
)
def test_a_metric_keeps_the_conventions_of_river(
    metric: RegressionMetric, predicted: float | Interval
) -> None:
    assert metric.get() == 0
    assert metric.works_with(linear())
    assert metric.bigger_is_better is (type(metric) is Coverage)
    metric.update(1.5, predicted)
    before = metric.get()

    metric.update(9.0, predicted)
    assert metric.get() != before
    assert pickle.loads(pickle.dumps(metric)).get() == metric.get()  # noqa: S301 - its own
    metric.revert(9.0, predicted)

    assert metric.get() == pytest.approx(before)
    assert copy.deepcopy(metric).clone().get() == 0


@given(st.lists(st.tuples(numbers, numbers), min_size=1, max_size=20))
def test_the_pinball_loss_of_the_median_is_half_the_mean_absolute_error(
    pairs: list[tuple[float, float]],
) -> None:
    half, whole = PinballLoss(0.5), metrics.MAE()
    for y_true, y_pred in pairs:
        half.update(y_true, y_pred)
        whole.update(y_true, y_pred)

    assert half.get() == pytest.approx(whole.get() / 2)


@given(numbers, numbers, numbers, st.floats(0.05, 0.95))
def test_the_winkler_score_is_that_of_its_two_quantiles(
    y_true: float, one: float, other: float, confidence: float
) -> None:
    interval = Interval(min(one, other), max(one, other))
    score, low = WinklerScore(confidence), PinballLoss((1 - confidence) / 2)
    high = PinballLoss((1 + confidence) / 2)

    score.update(y_true, interval)
    low.update(y_true, interval.lower)
    high.update(y_true, interval.upper)

    both = 2 / (1 - confidence) * (low.get() + high.get())
    assert score.get() == pytest.approx(both, rel=1e-6, abs=1e-3)


def test_the_published_scores_are_those_of_the_metrics() -> None:
    p = a_prediction()
    score = score_of(p, 106 * E8)

    ends = [BP * log(e / E8) for e in (p.low_90_e8, p.low_50_e8, p.high_50_e8, p.high_90_e8)]
    outcome = BP * log(106)
    losses = []
    for end, level in zip(ends, (0.05, 0.25, 0.75, 0.95), strict=True):
        loss = PinballLoss(level)
        loss.update(outcome, end)
        losses.append(loss.get())
    wide, held = WinklerScore(0.9), Coverage()
    wide.update(outcome, Interval(ends[0], ends[3]))
    held.update(outcome, Interval(ends[0], ends[3]))
    assert score.pinball_bp == pytest.approx(sum(losses) / 4)
    assert score.winkler_90_bp == pytest.approx(wide.get())
    assert score.covered_90 == bool(held.get())


def test_a_scaled_interval_passes_the_checks_of_river() -> None:
    for given_to_it in ScaledInterval._unit_test_params():
        check_estimator(ScaledInterval(**given_to_it))


def test_a_scaled_interval_holds_in_calm_and_in_storm_where_one_width_for_all_does_not() -> None:
    scaled, constant = ScaledInterval(linear(), linear()), RegressionJackknife(linear(), 0.9)
    found = {model: (Coverage(), Coverage()) for model in (scaled, constant)}
    chance = random.Random(3)
    for i in range(8000):
        wild = chance.random()
        x, y = {"wild": wild}, chance.gauss(0, 0.1 + wild)
        for model, coverages in found.items():
            if i > 3000:
                coverages[wild > 0.5].update(y, model.predict_one(x, with_interval=True))
            model.learn_one(x, y)

    calm, storm = (coverage.get() for coverage in found[scaled])
    assert calm == pytest.approx(0.9, abs=0.02)
    assert storm == pytest.approx(0.9, abs=0.02)
    calm, storm = (coverage.get() for coverage in found[constant])
    assert calm - storm > 0.1
