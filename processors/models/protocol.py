"""The interface of a model: River's methods over the features of `processors.features.features`.

A model answers the question "what will `ln(close / last price)` be?" with a point and a scale. It
has no quantiles: `prediction.intervals` turns the scale into a calibrated interval.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from processors.features.features import Features
from schemas.predictions import ModelEvent
from schemas.quick_records import quick


@quick
@dataclass(frozen=True, slots=True)
class Answer:
    """One model's answer.

    Attributes:
        point: Expected log return from the last price to the close.
        scale: Usual size of the deviation from it, above zero; the interval is built from it.
        chance_up: Chance that the candle closes at or above its open; None for a model whose
            interval says it.
    """

    point: float
    scale: float
    chance_up: float | None = None


@quick
@dataclass(frozen=True, slots=True)
class Outcome:
    """Outcome of a question, known once the candle has closed.

    Attributes:
        log_return: Log return from the last price to the close.
        log_variance: Log of the realised variance per minute over the rest of the candle, centred
            like the features; None if minutes of it are missing.
        up: Whether the candle closed at or above its open; None if its open is not known.
    """

    log_return: float
    log_variance: float | None
    up: bool | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """An event of a model that should be published, with its evidence."""

    event: ModelEvent
    reason: str
    evidence: dict[str, float] = field(default_factory=dict)


Question = tuple[Features, int]  # the features and the minutes left


class Model(Protocol):
    """A model of one symbol.

    The conformance tests check for each model: `predict_one` changes nothing, missing features are
    allowed, the order of keys does not matter, and a copy answers like the original.
    """

    @property
    def name(self) -> str:
        """Kind of model, for example ``online``."""
        ...

    @property
    def version(self) -> str:
        """Version of this kind of model."""
        ...

    def predict_one(self, x: Features, minutes: int) -> Answer | None:
        """Answer the question with ``minutes`` (15 to 1) left to the close.

        None is no answer: only a model of others, in a process of its own, may fail to have one.
        """
        ...

    def learn_one(self, x: Features, minutes: int, outcome: Outcome) -> Notice | None:
        """Learn from the outcome of one question; a candle's questions come in the order asked."""
        ...


@runtime_checkable
class AnswersMany(Protocol):
    """A model that answers several questions in less time than one after the other."""

    def predict_many(self, questions: Sequence[Question]) -> list[Answer]:
        """Answer questions, each as `Model.predict_one` would."""
        ...


@runtime_checkable
class ReadsDetail(Protocol):
    """A model whose features may include those of `features.detail`."""

    @property
    def reads_detail(self) -> bool:
        """Whether this version reads them."""
        ...


@runtime_checkable
class ReadsRecent(Protocol):
    """A model whose features include the last candles (`features.sequence`)."""

    @property
    def candles_read(self) -> int:
        """Number of candles it reads."""
        ...
