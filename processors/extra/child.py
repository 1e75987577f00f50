"""The process of one extra model: ``-m processors.extra.child SOCKET PARENT PLACE MEMORY_MB``.

It holds a model for each symbol and answers one message at a time. Whatever the model does, it
does here: it may loop, crash, print or eat memory. Answers leave as plain numbers.
"""

import ctypes
import math
import os
import pickle
import resource
import signal
import socket
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, cast

from river.base import Classifier, Estimator, Regressor

from processors.extra.line import Content, Line, LineCut

_NICENESS = 5
_LONGEST = 300
_PR_SET_PDEATHSIG = 1
Row = dict[Any, Any]  # River's type of features


class Models:
    """The models of all symbols, by the keys that the predictor gives them."""

    def __init__(self, make: Callable[[], Estimator]) -> None:
        self._make = make
        self._models: dict[str, Estimator] = {}

    def answer(self, asked: Content, blob: bytes) -> tuple[Content, bytes]:
        """Do what a message asks for; an exception of the model is an answer too."""
        key = str(asked["key"])
        for gone in cast("list[str]", asked.get("drop", [])):
            self._models.pop(gone, None)
        try:
            return self._done(key, asked, blob)
        except Exception as error:  # noqa: BLE001 - a stranger's model may raise anything
            self._models.pop(key, None)
            return {"error": told(error)}, b""

    def _done(self, key: str, asked: Content, blob: bytes) -> tuple[Content, bytes]:
        if blob:
            self._models[key] = pickle.loads(blob)  # noqa: S301 - this process wrote it
        elif key not in self._models:
            self._models[key] = self._make()
        model = self._models[key]
        for x, y in cast("list[tuple[Row, float]]", asked.get("learn", [])):
            learn(model, x, y)
        if asked.get("dump"):
            return {}, pickle.dumps(model)
        return {"answer": number(predicted(model, cast("Row", asked["ask"])))}, b""


def made(place: str) -> Estimator:
    """Call a factory, and return its model. Only a model's own process does this.

    Raises:
        TypeError: It returns neither a regressor nor a classifier.
    """
    module, _, factory = place.partition(":")
    model = getattr(import_module(module), factory)()
    if not isinstance(model, Regressor | Classifier):
        raise TypeError(
            f"{place} returned {type(model).__name__}: return a river.base.Regressor or Classifier"
        )
    return model


def learn(model: Estimator, x: Row, y: float) -> None:
    """Let a model learn one outcome; for a classifier it is 1 or 0."""
    if isinstance(model, Classifier):
        model.learn_one(x, bool(y))
    else:
        cast("Regressor", model).learn_one(x, y)


def predicted(model: Estimator, x: Row) -> object:
    """Return a regressor's answer, or the chance that a classifier gives to True."""
    if not isinstance(model, Classifier):
        return cast("Regressor", model).predict_one(x)
    chances = model.predict_proba_one(x)
    # Before both outcomes were seen, a classifier may know one of them only, or none.
    return chances.get(True, 1 - chances.get(False, 0.5))


def number(found: object) -> float:
    """Return an answer as a number.

    Raises:
        ValueError: It is none, or not finite.
    """
    number = float(cast("float", found))
    if not math.isfinite(number):
        raise ValueError(f"it answered {number}")
    return number


def told(error: Exception) -> str:
    """Return an exception in one line that is not too long."""
    return f"{type(error).__name__}: {error}"[:_LONGEST]


def begun(arguments: list[str]) -> tuple[Line, str]:
    """Set the limits of this process; return the line to its parent, and the factory's place."""
    number, parent, place, memory_mb = arguments
    _prepare(int(parent), int(memory_mb))
    sys.path.append(str(Path.cwd()))  # last: no folder there may stand for a package of ours
    return Line(socket.socket(fileno=int(number))), place


def main() -> None:
    """Answer until the predictor hangs up."""
    line, place = begun(sys.argv[1:])
    try:
        kind = "classifier" if isinstance(made(place), Classifier) else "regressor"
    except Exception as error:  # noqa: BLE001 - likewise
        line.send({"error": told(error)})
        return
    line.send({"kind": kind})
    models = Models(lambda: made(place))
    while True:
        try:
            answer, blob = models.answer(*line.receive())
            line.send(answer, blob)
        except LineCut:
            return


def _prepare(parent_pid: int, memory_mb: int) -> None:
    os.nice(max(_NICENESS - os.nice(0), 0))  # a replay has a low priority already
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the predictor decides
    if sys.platform == "linux":
        # The kernel ends it with the predictor, also in the middle of an endless loop.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        most = memory_mb * 1_000_000
        resource.setrlimit(resource.RLIMIT_DATA, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if os.getppid() != parent_pid:
        sys.exit(1)


if __name__ == "__main__":
    main()
