"""Scores of a prediction, all in basis points of log return so that symbols are comparable.

Models learn and champions are chosen from the losses alone. The rest of a score is worked out when
somebody reads it: a replay leaves it out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log
from operator import attrgetter, itemgetter

from processors.uncertainty.formulas import pinball, winkler
from schemas.predictions import LEVELS, Prediction, Score

BP = 1e4
_INNER = (0.05, 0.25, 0.5, 0.75, 0.95)
inner_of = itemgetter(*map(LEVELS.index, _INNER))
_inner_prices = attrgetter("low_90_e8", "low_50_e8", "price_e8", "high_50_e8", "high_90_e8")
_outer_prices = attrgetter("low_98_e8", "low_80_e8", "high_80_e8", "high_98_e8")


@dataclass(slots=True)  # not frozen: see `reply.Reply`
class Losses:
    """Losses of one prediction.

    Attributes:
        errors_bp: Log returns from the quantiles 5, 25, 50, 75 and 95 % to the true close.
        pinball_bp: Mean pinball loss of the 5, 25, 75 and 95 % quantiles.
        up: Whether the candle closed at or above its open; None if its open is not known.
        brier: Brier score of the chance; None if either is not known.
    """

    errors_bp: list[float]
    pinball_bp: float
    up: bool | None
    brier: float | None

    @property
    def interval_bp(self) -> float:
        """Loss of the interval and of the point as its median."""
        return self.pinball_bp + abs(self.errors_bp[2]) / 2


def losses_of(
    inner_e8: Sequence[int], chance: float | None, outcome_e8: int, open_e8: int | None
) -> Losses:
    """Return the losses of a prediction, given its 5, 25, 50, 75 and 95 % quantiles."""
    errors = [BP * log(outcome_e8 / quantile) for quantile in inner_e8]
    low_90, low_50, _, high_50, high_90 = errors
    losses = pinball(low_90, 0.05) + pinball(low_50, 0.25)
    losses += pinball(high_50, 0.75) + pinball(high_90, 0.95)
    if open_e8 is None:
        return Losses(errors, losses / 4, None, None)
    up = outcome_e8 >= open_e8
    return Losses(errors, losses / 4, up, None if chance is None else (chance - up) ** 2)


def score_of(
    prediction: Prediction,
    outcome_e8: int,
    open_e8: int | None = None,
    losses: Losses | None = None,
) -> Score:
    """Return the score of a prediction, given the close of its candle and, if known, its open.

    Its losses are worked out unless they are known.
    """
    p = prediction
    losses = losses or losses_of(_inner_prices(p), p.chance_up, outcome_e8, open_e8)
    low_90, low_50, error, high_50, high_90 = losses.errors_bp
    outer = [
        BP * log(outcome_e8 / quantile) for quantile in _outer_prices(p) if quantile is not None
    ]
    width_50, width_90 = low_50 - high_50, low_90 - high_90
    chance, up = p.chance_up, losses.up
    winkler_50 = winkler(width_50, -low_50, high_50, 0.5)
    winkler_90 = winkler(width_90, -low_90, high_90, 0.1)
    covered_50 = p.low_50_e8 <= outcome_e8 <= p.high_50_e8
    covered_90 = p.low_90_e8 <= outcome_e8 <= p.high_90_e8
    log_loss = None if chance is None or up is None else -log(chance if up else 1 - chance)
    pinball_nine = _pinball_nine(losses.errors_bp, outer)
    # In the order of the fields: Python takes as long to match 30 names as to make the record.
    return Score(
        p.symbol, p.interval, p.open_ms, p.close_ms, p.issued_ms, p.minutes_to_close,
        p.model, p.version, p.status, p.champion, p.volatility_bp, p.price_e8, outcome_e8,
        error, abs(error), error * error, losses.pinball_bp, winkler_50, winkler_90,
        width_50, width_90, covered_50, covered_90,
        open_e8, chance, up, losses.brier, log_loss, pinball_nine, p.chance_champion,
    )  # fmt: skip


def _pinball_nine(inner: Sequence[float], outer: Sequence[float]) -> float | None:
    if len(outer) < len(LEVELS) - len(inner):
        return None
    low_90, low_50, error, high_50, high_90 = inner
    low_98, low_80, high_80, high_98 = outer
    errors = low_98, low_90, low_80, low_50, error, high_50, high_80, high_90, high_98
    return sum(map(pinball, errors, LEVELS)) / len(LEVELS)
