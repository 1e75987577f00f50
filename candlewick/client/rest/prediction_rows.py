"""Rows of the REST API about predictions, their outcomes and what they were worth."""

from datetime import datetime
from decimal import Decimal

from candlewick.client.rest.rows import Row


class IssuedRow(Row):
    """The candle ``[open, close)`` of a prediction, the time of issue, and the model."""

    symbol: str
    interval: str
    open_ms: int
    open_time: datetime
    close_ms: int
    close_time: datetime
    issued_ms: int
    issued_time: datetime
    minutes_to_close: float
    model: str
    version: str


class PredictionRow(IssuedRow):
    """A published prediction of where a candle will close.

    Attributes:
        low_98: None, like what follows, in predictions of before there were chances.
        open: The candle's open; None before its first minute has closed.
        chance_up: Probability that the candle closes at or above its open, by this model.
    """

    status: str
    scored: bool
    champion: bool
    last_price: Decimal
    price: Decimal
    low_50: Decimal
    high_50: Decimal
    low_90: Decimal
    high_90: Decimal
    volatility_bp: float
    low_98: Decimal | None = None
    low_80: Decimal | None = None
    high_80: Decimal | None = None
    high_98: Decimal | None = None
    open: Decimal | None = None
    chance_up: float | None = None
    chance_champion: bool = False


class Lately(Row):
    """A model's skill in the last seven days; at zero it is no better than the reference."""

    cases: int
    point_skill: float | None
    pinball_skill: float | None
    pinball_bp: float
    reference_pinball_bp: float
    absolute_error_bp: float
    coverage_50: float
    coverage_90: float
    width_50_bp: float
    width_90_bp: float
    pinball_nine_bp: float | None = None
    pinball_nine_skill: float | None = None
    chance_cases: int = 0
    share_up: float | None = None
    brier: float | None = None
    log_loss: float | None = None
    brier_skill: float | None = None
    climatology_skill: float | None = None
    log_loss_skill: float | None = None
    reliability: float | None = None
    resolution: float | None = None
    uncertainty: float | None = None


class FreshPrediction(PredictionRow):
    """A prediction for a candle that is open now."""

    seconds_to_close: float
    age_s: float
    lately: Lately | None


class ChanceAbove(Row):
    """The chance that the candle closes at or above a price."""

    price: Decimal
    chance: float | None


class Chance(Row):
    """Chances of where the open candle closes, by the champion of the chance."""

    model: str
    open: Decimal | None
    up: float | None
    above: list[ChanceAbove]


class CurrentPrediction(FreshPrediction):
    """The champion's prediction, those of the other models, and the chances."""

    challengers: list[FreshPrediction]
    chance: Chance | None = None


class OutcomeRow(IssuedRow):
    """A prediction whose candle has closed, with the actual close.

    The intervals are None for a prediction that a replay made afterwards.
    """

    champion: bool
    price: Decimal
    outcome: Decimal
    low_50: Decimal | None
    high_50: Decimal | None
    low_90: Decimal | None
    high_90: Decimal | None
    error_bp: float
    width_50_bp: float
    width_90_bp: float
    covered_50: bool
    covered_90: bool
    open: Decimal | None = None
    chance_up: float | None = None
    chance_champion: bool = False
    up: bool | None = None
    brier: float | None = None


class ScoreRow(IssuedRow):
    """The score of a prediction, from the live stream."""

    status: str
    champion: bool
    volatility_bp: float
    price: Decimal
    outcome: Decimal
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
    open: Decimal | None = None
    chance_up: float | None = None
    up: bool | None = None
    brier: float | None = None
    log_loss: float | None = None
    pinball_nine_bp: float | None = None
    chance_champion: bool = False


class GroupedRow(Row):
    """Keys of a row; the call chooses those besides the model."""

    symbol: str | None = None
    model: str
    minutes: int | None = None
    day: str | None = None


class SkillRow(GroupedRow, Lately):
    """A model's skill over a period."""


class ReliabilityRow(GroupedRow):
    """What happened where a model gave chances of one tenth; ``tenth`` 6 is 0.6 to 0.7."""

    tenth: int
    cases: int
    candles: int
    mean_chance: float
    share_up: float
