"""Records about predictions: predictions, their scores, models and training requests.

A prediction answers "where will the open 15-minute candle close?". It is never changed; when the
candle has closed, a score is published for it. Prices are integers in units of 1e-8 (suffix
``_e8``), times UTC epoch milliseconds, relative values basis points (suffix ``_bp``).
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import cast

from schemas.quick_records import quick

LEVELS = (0.01, 0.05, 0.10, 0.25, 0.50, 0.75, 0.90, 0.95, 0.99)


class PredictionStatus(StrEnum):
    """How far a prediction can be trusted."""

    READY = "ready"
    COLD = "cold"  # too little history: the interval is wider than it needs to be
    GAPPED = "gapped"  # minutes are missing in its history: wider too


@quick
@dataclass(frozen=True, slots=True)
class Prediction:
    """One model's prediction of the close of the candle ``[open_ms, close_ms)``.

    The key is ``symbol, interval, open_ms, issued_ms, model``. All prices are multiples of the
    symbol's tick. In ascending order, the lower ends of the intervals, ``price`` and the upper ends
    are the quantiles 1, 5, 10, 25, 50, 75, 90, 95 and 99 % of the close. The attributes from
    ``low_98_e8`` on are None or False in predictions from before contract v2.

    Attributes:
        issued_ms: Event time up to which the market was known.
        minutes_to_close: Counts down from 15 to 1; a fraction between two minutes.
        status: One of `PredictionStatus`.
        scored: False for a prediction between two minutes, which is for display only.
        champion: Whether the model was the symbol's champion when it answered.
        last_price_e8: Price at ``issued_ms``; the reference predicts it.
        volatility_bp: Usual move in one minute over the last hour, the same for every model;
            separates calm markets from volatile ones.
        open_e8: The candle's open; None before its first minute has closed, or if that is missing.
        chance_up: Probability, 0 to 1, that the candle closes at or above its open; None if the
            open is unknown later than in the first minute.
        chance_champion: Whether the model was the symbol's champion of the chance.
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
    low_98_e8: int | None = None
    low_80_e8: int | None = None
    high_80_e8: int | None = None
    high_98_e8: int | None = None
    open_e8: int | None = None
    chance_up: float | None = None
    chance_champion: bool = False

    @property
    def quantiles_e8(self) -> tuple[int, ...]:
        """Prices of the quantiles `LEVELS`; empty if the outer ones are not known."""
        outer = self.low_98_e8, self.low_80_e8, self.high_80_e8, self.high_98_e8
        if None in outer:
            return ()
        low_98, low_80, high_80, high_98 = cast("tuple[int, int, int, int]", outer)
        lower = low_98, self.low_90_e8, low_80, self.low_50_e8
        return *lower, self.price_e8, self.high_50_e8, high_80, self.high_90_e8, high_98


@quick
@dataclass(frozen=True, slots=True)
class Score:
    """The score of a prediction, known once its candle has closed.

    The first twelve attributes, ``chance_up`` and ``chance_champion`` are those of the prediction.
    The attributes from ``open_e8`` on are None or False in scores from before contract v2.

    Attributes:
        outcome_e8: The candle's close.
        error_bp: Log return from the predicted to the true close.
        squared_error_bp2: Square of ``error_bp``.
        pinball_bp: Mean pinball loss of the interval's four quantiles: 5, 25, 75 and 95 %.
        winkler_50_bp: Winkler score of the 50 % interval: its width plus the penalty of a miss.
        width_50_bp: Width of the 50 % interval.
        open_e8: The candle's open; None if its first minute is missing.
        up: Whether the candle closed at or above its open.
        brier: Square of ``chance_up`` minus 1 or 0.
        log_loss: Minus the natural logarithm of the probability given to what happened.
        pinball_nine_bp: Mean pinball loss of the nine quantiles `LEVELS`.
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
    open_e8: int | None = None
    chance_up: float | None = None
    up: bool | None = None
    brier: float | None = None
    log_loss: float | None = None
    pinball_nine_bp: float | None = None
    chance_champion: bool = False


class ModelEvent(StrEnum):
    """Events in the life of a model."""

    TRAINED = "trained"  # an artefact is ready to be loaded
    PROMOTED = "promoted"  # champion of a symbol, or a challenger that took over
    CHANCE_CHAMPION = "chance-champion"  # champion of the chance that a symbol's candle closes up
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
        details: JSON object: the figures behind it, or an artefact's metadata. Of a training also
            ``request``, the `TrainingRequest` that it answers.
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
