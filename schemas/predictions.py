"""Records about predictions: predictions, their scores, models and training requests.

A prediction answers "where will the open 15-minute candle close?". It is never changed; when the
candle has closed, a score is published for it. Prices are integers in units of 1e-8 (suffix
``_e8``), times UTC epoch milliseconds, relative values basis points (suffix ``_bp``).
"""

from dataclasses import dataclass
from enum import StrEnum


class PredictionStatus(StrEnum):
    """How far a prediction can be trusted."""

    READY = "ready"
    COLD = "cold"  # too little history: the interval is wider than it needs to be
    GAPPED = "gapped"  # minutes are missing in its history: wider too


@dataclass(frozen=True, slots=True)
class Prediction:
    """One model's prediction of the close of the candle ``[open_ms, close_ms)``.

    The key is ``symbol, interval, open_ms, issued_ms, model``. All prices are multiples of the
    symbol's tick, ``low_90 <= low_50 <= price <= high_50 <= high_90``.

    Attributes:
        issued_ms: Event time up to which the market was known.
        minutes_to_close: Counts down from 15 to 1; a fraction between two minutes.
        status: One of `PredictionStatus`.
        scored: False for a prediction between two minutes, which is for display only.
        champion: Whether the model was the symbol's champion when it answered.
        last_price_e8: Price at ``issued_ms``; the reference predicts it.
        volatility_bp: Usual move in one minute over the last hour, the same for every model;
            separates calm markets from volatile ones.
    """

    symbol: str
    interval: str
    open_ms: int
    close_ms: int
    issued_ms: int
    minutes_to_close: float
    model: str
    version: str
    status: str
    scored: bool
    champion: bool
    last_price_e8: int
    price_e8: int
    low_50_e8: int
    high_50_e8: int
    low_90_e8: int
    high_90_e8: int
    volatility_bp: float


@dataclass(frozen=True, slots=True)
class Score:
    """The score of a prediction, known once its candle has closed.

    The first twelve attributes are those of the prediction.

    Attributes:
        outcome_e8: The candle's close.
        error_bp: Log return from the predicted to the true close.
        squared_error_bp2: Square of ``error_bp``.
        pinball_bp: Mean pinball loss of the interval's four quantiles: 5, 25, 75 and 95 %.
        winkler_50_bp: Winkler score of the 50 % interval: its width plus the penalty of a miss.
        width_50_bp: Width of the 50 % interval.
    """

    symbol: str
    interval: str
    open_ms: int
    close_ms: int
    issued_ms: int
    minutes_to_close: float
    model: str
    version: str
    status: str
    champion: bool
    volatility_bp: float
    price_e8: int
    outcome_e8: int
    error_bp: float
    absolute_error_bp: float
    squared_error_bp2: float
    pinball_bp: float
    winkler_50_bp: float
    winkler_90_bp: float
    width_50_bp: float
    width_90_bp: float
    covered_50: bool
    covered_90: bool


class ModelEvent(StrEnum):
    """Events in the life of a model."""

    TRAINED = "trained"  # an artefact is ready to be loaded
    PROMOTED = "promoted"  # champion of a symbol, or a challenger that took over
    RETIRED = "retired"
    DRIFT = "drift"  # its residuals have changed; a fresh challenger has started
    FAILED = "failed"  # a training ended without an artefact


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """An event in the life of a model, with its evidence.

    Attributes:
        version: Version of the artefact, or generation of the online model.
        symbol: The symbol concerned; empty for all symbols.
        event: One of `ModelEvent`.
        event_ms: Event time of the candle that caused it, or the end of the training.
        reason: Why it happened, for people.
        details: JSON object: the figures behind it, or an artefact's metadata.
    """

    model: str
    version: str
    symbol: str
    event: str
    event_ms: int
    reason: str
    details: str

    @property
    def key(self) -> str:
        """Key of the Kafka record: a repeated event replaces itself and nothing else."""
        return f"{self.model}/{self.symbol}/{self.version}/{self.event}/{self.event_ms}"


@dataclass(frozen=True, slots=True)
class TrainingRequest:
    """A request to train a batch model on ``[from_ms, until_ms)``.

    Attributes:
        symbol: One symbol, or empty for all stored symbols.
        model: For example ``batch`` or ``forest``.
        requested_by: The person who asked, or the monthly timer.
    """

    symbol: str
    model: str
    from_ms: int
    until_ms: int
    requested_by: str
    requested_ms: int
