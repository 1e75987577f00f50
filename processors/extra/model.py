"""An extra model in the predictor: the interface of all models, with the work done elsewhere."""

import weakref
from itertools import count

from processors.extra.host import Host, NotReady, host_of
from processors.extra.process import Fault
from processors.extra.specification import Specification, Target
from processors.features.features import KNOWN_NAMES, Features
from processors.models.protocol import Answer, Notice, Outcome
from processors.models.scale import recent_log_variance, scale_of
from schemas.distribution import bounded
from schemas.predictions import ModelEvent

WIDEST_EXCESS, WIDEST_MOVE = 5.0, 6.0  # an outcome or answer beyond counts as this much
_MOST_LESSONS = 10_000  # while its process does not run
_keys = count(1)


class ExtraModel:
    """One symbol's model, which lives in the process of its kind.

    Its version counts the times that it began to learn. Pickling takes what it has learned along.
    """

    def __init__(self, specification: Specification) -> None:
        self._specification = specification
        self._target = specification.target
        self._generation = 1
        self._lessons: list[tuple[Features, float]] = []
        self._blob = b""
        self._troubles: list[str] = []
        self._join()
        if self._host.kind == "classifier":
            self._target = Target.UP

    @property
    def name(self) -> str:
        """Name in the settings."""
        return self._specification.name

    @property
    def version(self) -> str:
        """1, plus one for each time that it lost what it had learned."""
        return str(self._generation)

    @property
    def target(self) -> Target:
        """What it predicts."""
        return self._target

    @property
    def given_up(self) -> str:
        """Why it was put aside; empty while it takes part."""
        return self._host.given_up

    def predict_one(self, x: Features, minutes: int) -> Answer | None:
        """Answer one question; None if it cannot."""
        found = self._ask(_inputs(x, minutes))
        if found is None:
            return None
        usual = recent_log_variance(x)
        if self._target is Target.UP:
            return Answer(0.0, scale_of(usual, minutes), bounded(found))
        if self._target is Target.RETURN:
            moved = min(max(found, -WIDEST_MOVE), WIDEST_MOVE)
            return Answer(moved * scale_of(usual, minutes), scale_of(usual, minutes))
        excess = min(max(found, -WIDEST_EXCESS), WIDEST_EXCESS)
        return Answer(0.0, scale_of(usual + excess, minutes))

    def learn_one(self, x: Features, minutes: int, outcome: Outcome) -> Notice | None:
        """Keep the outcome of a question; the model learns it before it is asked again."""
        y = self._lesson(x, minutes, outcome)
        if y is not None and len(self._lessons) < _MOST_LESSONS:
            self._lessons.append((_inputs(x, minutes), y))
        return None

    def troubles(self) -> list[Notice]:
        """Return what has gone wrong since the last call."""
        found, self._troubles = self._troubles, []
        return [Notice(ModelEvent.FAILED, reason) for reason in found]

    def _lesson(self, x: Features, minutes: int, outcome: Outcome) -> float | None:
        if self._target is Target.UP:
            return None if outcome.up is None else float(outcome.up)
        if self._target is Target.RETURN:
            moved = outcome.log_return / scale_of(recent_log_variance(x), minutes)
            return min(max(moved, -WIDEST_MOVE), WIDEST_MOVE)
        if outcome.log_variance is None:
            return None
        excess = outcome.log_variance - recent_log_variance(x)
        return min(max(excess, -WIDEST_EXCESS), WIDEST_EXCESS)

    def _ask(self, x: Features) -> float | None:
        try:
            self._begin_anew_if_gone()
            answer, _ = self._host.call(self._key, self._message() | {"ask": x}, self._blob)
        except NotReady:
            return None
        except Fault as fault:
            self._lose(str(fault))
            return None
        self._settled()
        found = answer.get("answer")
        return float(found) if isinstance(found, int | float) else None

    def _message(self) -> dict[str, object]:
        return {"learn": self._lessons}

    def _settled(self) -> None:
        """Note that the process has learned everything."""
        self._epoch, self._lessons, self._blob = self._host.epoch, [], b""

    def _begin_anew_if_gone(self) -> None:
        if self._epoch and self._epoch != self._host.epoch:
            self._lose("its process was started again")

    def _lose(self, reason: str) -> None:
        anew = "put aside" if self.given_up else "it learns from the beginning"
        self._troubles.append(f"{reason}: {anew}")
        self._epoch, self._lessons, self._blob = 0, [], b""
        self._generation += 1

    def _join(self) -> None:
        self._host: Host = host_of(self._specification)
        self._key = str(next(_keys))
        self._epoch = 0  # of the process that has its model; 0 before the first answer
        weakref.finalize(self, self._host.forget, self._key)

    def __getstate__(self) -> dict[str, object]:
        blob = self._blob
        if self._epoch:
            try:
                self._begin_anew_if_gone()
                if self._epoch:
                    _, blob = self._host.call(
                        self._key, self._message() | {"dump": True}, moves=True
                    )
                    self._settled()
            except NotReady:
                self._lose("its process had ended")
            except Fault as fault:
                self._lose(f"it could not be pickled: {fault}")
                blob = b""
        return {
            "_specification": self._specification,
            "_target": self._target,
            "_generation": self._generation,
            "_lessons": self._lessons,
            "_blob": blob,
            "_troubles": self._troubles,
        }

    def __setstate__(self, state: dict[str, object]) -> None:
        for name, value in state.items():
            setattr(self, name, value)
        self._join()


def _inputs(x: Features, minutes: int) -> Features:
    known = {name: x[name] for name in KNOWN_NAMES if name in x}
    return known | {"minutes": float(minutes)}
