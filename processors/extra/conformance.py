"""What a model must hold to take part, checked as River checks. It runs in the model's process."""

import math
import pickle
import random
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from river.base import Classifier, Estimator

from processors.extra.child import Row, learn, number, predicted
from processors.features.features import KNOWN_NAMES

CANDLES = 40
_MINUTES = range(15, 0, -1)
Check = Callable[[], None]


def conformance(make: Callable[[], Estimator], answer_s: float) -> Iterator[tuple[str, Check]]:
    """Yield the name of each check, and what runs it; it raises if the model does not hold it."""
    for check in _CHECKS:
        yield check.__name__.removeprefix("_").replace("_", " "), partial(check, make)
    yield f"answers within {answer_s:g} s", partial(_is_quick, make, answer_s)


def _answers_with_a_number_before_and_after_learning(make: Callable[[], Estimator]) -> None:
    chance, model = _random(1), make()
    for minutes in _MINUTES:
        number(predicted(model, _question(chance, minutes)))
    _taught(model)
    for minutes in _MINUTES:
        found = number(predicted(model, _question(chance, minutes)))
        if isinstance(model, Classifier) and not 0 <= found <= 1:
            raise AssertionError(f"a chance of {found}")


def _predicting_changes_nothing(make: Callable[[], Estimator]) -> None:
    model, x = _taught(make()), _question(_random(2), 15)
    first = predicted(model, dict(x))
    for minutes in _MINUTES:
        predicted(model, _question(_random(minutes), minutes))
    _same(predicted(model, x), first)


def _a_missing_feature_is_survived(make: Callable[[], Estimator]) -> None:
    model = _taught(make())
    x = _question(_random(3), 15)
    for missing in KNOWN_NAMES:
        partial = {name: value for name, value in x.items() if name != missing}
        number(predicted(model, partial))
        learn(model, partial, 1.0)
    number(predicted(model, {"minutes": 15.0}))


def _a_feature_that_comes_later_is_survived(make: Callable[[], Estimator]) -> None:
    model = _taught(make())
    x = _question(_random(4), 15) | {"later": 1.0}
    number(predicted(model, x))
    learn(model, x, 1.0)
    number(predicted(model, x))


def _the_same_lessons_give_the_same_answers(make: Callable[[], Estimator]) -> None:
    x = _question(_random(5), 15)
    _same(predicted(_taught(make()), x), predicted(_taught(make()), x))


def _pickling_changes_nothing(make: Callable[[], Estimator]) -> None:
    model = _taught(make())
    twin = pickle.loads(pickle.dumps(model))  # noqa: S301 - its own
    for one in (model, twin):
        _taught(one, seed=7)
    x = _question(_random(6), 15)
    _same(predicted(model, x), predicted(twin, x))


_CHECKS = (
    _answers_with_a_number_before_and_after_learning,
    _predicting_changes_nothing,
    _a_missing_feature_is_survived,
    _a_feature_that_comes_later_is_survived,
    _the_same_lessons_give_the_same_answers,
    _pickling_changes_nothing,
)


def _is_quick(make: Callable[[], Estimator], answer_s: float) -> None:
    model, chance = _taught(make()), _random(8)
    started = time.process_time()
    _taught(model, candles=1, seed=9)
    predicted(model, _question(chance, 15))
    took_s = time.process_time() - started
    if took_s > answer_s / 2:  # half of it, because models grow
        raise AssertionError(f"a candle and a question took {took_s:.2f} s")


def _taught(model: Estimator, *, candles: int = CANDLES, seed: int = 10) -> Estimator:
    chance = _random(seed)
    for _ in range(candles):
        for minutes in _MINUTES:
            x = _question(chance, minutes)
            y = 0.5 * x[KNOWN_NAMES[0]] + chance.gauss(0, 0.5)
            learn(model, x, float(y > 0) if isinstance(model, Classifier) else y)
    return model


def _question(chance: random.Random, minutes: int) -> Row:
    x: dict[Any, Any] = {name: chance.gauss(0, 1) for name in KNOWN_NAMES}
    return x | {"minutes": float(minutes)}


def _random(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311 - features of no market, the same in each run


def _same(first: object, second: object) -> None:
    one, other = number(first), number(second)
    if not math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-12):
        raise AssertionError(f"{one} and {other}")
