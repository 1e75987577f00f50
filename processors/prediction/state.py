"""What the prequential step remembers of one symbol."""

from collections.abc import Callable
from dataclasses import dataclass, field

from processors.features.features import Features, FeatureState
from processors.features.sequence import Recent
from processors.models.protocol import Answer, Outcome
from processors.prediction.calibrated_models import Contestant, default_contestants
from processors.prediction.champion import Championship
from schemas.predictions import Prediction, PredictionStatus
from schemas.timeframe import Interval


@dataclass(frozen=True, slots=True)
class Reply:
    """What one model answered, and what was published.

    Attributes:
        status: Unless ready, the interval was published wider than calibrated.
    """

    answer: Answer
    status: PredictionStatus
    prediction: Prediction


@dataclass(frozen=True, slots=True)
class Asked:
    """One question of the open candle, and what was answered.

    Attributes:
        variance_before: Sum of squared returns since the state's start, when it was asked.
        gaps_before: Number of gaps seen until then.
        replies: By model.
    """

    x: Features
    minutes: int
    last_price_e8: int
    close_ms: int
    variance_before: float
    gaps_before: int
    replies: dict[str, Reply]


@dataclass(slots=True)
class SymbolState:
    """All that is known of one symbol. A step consumes it and returns it renewed.

    Attributes:
        bar_minutes: 1 where minutes are folded, 15 where only whole candles are known.
        tick_e8: The symbol's price step.
        next_ms: Start of the candle that must come next; 0 before the first.
        bars: Candles folded since the start.
        bars_since_gap: Likewise, since minutes were missing.
        variance: Sum of the squared returns so far in the open candle.
        gaps: How many times minutes were missing.
        asked: Questions of the open candle that wait for its close.
        on_lesson: Is told what became of each question, for training.
        recent: The last candles, for who reads them.
        teaches_recent: Whether they are among the features that ``on_lesson`` is told.
    """

    symbol: str
    bar_minutes: int
    tick_e8: int
    features: FeatureState
    contestants: list[Contestant]
    championship: Championship
    next_ms: int = 0
    last_price_e8: int = 0
    bars: int = 0
    bars_since_gap: int = 0
    gaps: int = 0
    variance: float = 0.0
    asked: list[Asked] = field(default_factory=list)
    on_lesson: Callable[[Asked, Outcome], None] | None = None
    recent: Recent = field(default_factory=Recent)
    teaches_recent: bool = False


def start_state(
    symbol: str,
    *,
    tick_e8: int,
    interval: Interval = Interval.ONE_MINUTE,
    contestants: list[Contestant] | None = None,
) -> SymbolState:
    """Return the state of a symbol without history; the reference is its first champion."""
    bar_minutes = interval.ms // Interval.ONE_MINUTE.ms
    return SymbolState(
        symbol=symbol,
        bar_minutes=bar_minutes,
        tick_e8=tick_e8,
        features=FeatureState(bar_minutes),
        contestants=default_contestants() if contestants is None else contestants,
        championship=Championship("reference"),
    )
