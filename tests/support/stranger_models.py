"""Models as others may write them: good ones, and ones with every fault that must harm nobody.

They need `river.base` only, so that their processes start quickly.
"""

import os
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

from river.base import Classifier, Regressor

SOUND_LESSONS = 40  # a faulty model behaves until it has learned so much


class MeanByMinutes(Regressor):
    """The mean outcome for each number of minutes to close."""

    def __init__(self) -> None:
        self.sums: dict[float, float] = {}
        self.counts: dict[float, int] = {}
        self.lessons = 0

    def learn_one(self, x: Mapping[Any, Any], y: float) -> None:
        minutes = x.get("minutes", 0.0)
        self.sums[minutes] = self.sums.get(minutes, 0.0) + y
        self.counts[minutes] = self.counts.get(minutes, 0) + 1
        self.lessons += 1

    def predict_one(self, x: Mapping[Any, Any]) -> float:
        minutes = x.get("minutes", 0.0)
        return self.sums.get(minutes, 0.0) / self.counts.get(minutes, 1)


class Leaning(Classifier):
    """Believes that a candle goes on as it has begun; learns how often that holds."""

    def __init__(self) -> None:
        self.held, self.cases = 1, 2

    def learn_one(self, x: Mapping[Any, Any], y: bool) -> None:  # noqa: FBT001 - River's signature
        self.held += (x.get("candle_to_date", 0.0) >= 0) == y
        self.cases += 1

    def predict_proba_one(self, x: Mapping[Any, Any]) -> dict[Any, float]:
        holds = self.held / self.cases
        up = holds if x.get("candle_to_date", 0.0) >= 0 else 1 - holds
        return {True: up, False: 1 - up}


class Faulty(MeanByMinutes):
    """Is sound at first, then does what it was given at every question."""

    def __init__(self, fault: Callable[[], float] = float) -> None:
        super().__init__()
        self.fault = fault

    def predict_one(self, x: Mapping[Any, Any]) -> float:
        return self.fault() if self.lessons > SOUND_LESSONS else super().predict_one(x)


def _loop() -> float:
    while True:
        pass


def _sleep() -> float:
    time.sleep(3600)
    return 0.0


def _eat() -> float:
    eaten = []
    while True:
        eaten.append(bytearray(50_000_000))


def _raise() -> float:
    raise RuntimeError("no idea")


def _die() -> float:
    os._exit(7)


def _answer_nan() -> float:
    return float("nan")


def looping() -> Regressor:
    return Faulty(_loop)


def sleeping() -> Regressor:
    return Faulty(_sleep)


def eating() -> Regressor:
    return Faulty(_eat)


def raising() -> Regressor:
    return Faulty(_raise)


def dying() -> Regressor:
    return Faulty(_die)


def unknowing() -> Regressor:
    return Faulty(_answer_nan)


class Talkative(MeanByMinutes):
    """Prints whatever it is asked, to everything that it finds open."""

    def predict_one(self, x: Mapping[Any, Any]) -> float:
        print(x)  # noqa: T201 - its fault
        sys.stderr.write("words\n" * 100)
        os.write(1, b"\0\0\0\0")
        return super().predict_one(x)


def no_model() -> object:
    return object()


def broken() -> Regressor:
    raise ValueError("no weights here")


def never_made_while_it_loops() -> Regressor:
    """Take the processor for ever."""
    _loop()
    return Faulty()


def never_made_while_it_sleeps() -> Regressor:
    """Wait for ever."""
    _sleep()
    return Faulty()
