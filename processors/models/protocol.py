"""What a model is: River's verbs over the features of `processors.features.features`.

A model answers the question "what will `ln(close / last price)` be?" with a point and a scale. It
does not know quantiles: `prediction.intervals` makes a calibrated interval out of the scale.
"""

from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from processors.features.features import Features
from schemas.predictions import ModelEvent


@dataclass(frozen=True, slots=True)
class Answer:
    """One model's answer.

    Attributes:
        point: Expected log return from the last price to the close.
        scale: Its usual size, above zero; the interval is made from it.
    """

    point: float
    scale: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a question, known when the candle has closed.

    Attributes:
        log_return: From the last price to the close.
        log_variance: Log of the realised variance a minute over the rest, centred as the
            features are; None when minutes of it are missing.
    """

    log_return: float
    log_variance: float | None


@dataclass(frozen=True, slots=True)
class Notice:
    """Something about a model that people should know, with its evidence."""

    event: ModelEvent
    reason: str
    evidence: dict[str, float] = field(default_factory=dict)


class Model(Protocol):
    """A model of one symbol.

    Conventions, which the conformance tests run for each: `predict_one` changes nothing; missing
    features and the order of keys make no trouble; a copy answers like the original.
    """

    @property
    def name(self) -> str:
        """What kind of model it is, for example ``online``."""
        ...

    @property
    def version(self) -> str:
        """Which one of its kind."""
        ...

    def predict_one(self, x: Features, minutes: int) -> Answer:
        """Answer the question with ``minutes`` (15 to 1) left to the close."""
        ...

    def learn_one(self, x: Features, minutes: int, outcome: Outcome) -> Notice | None:
        """Learn what became of one question; a candle's questions come in the order asked."""
        ...


@runtime_checkable
class ReadsRecent(Protocol):
    """A model that is given the last candles (`features.sequence`) among its features."""

    @property
    def candles_read(self) -> int:
        """How many of them."""
        ...
