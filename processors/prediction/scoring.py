"""Scores of a prediction, all in basis points of log return so that symbols are comparable."""

from math import log
from operator import itemgetter

from processors.uncertainty.formulas import pinball, winkler
from schemas.predictions import LEVELS, Prediction, Score

BP = 1e4
_inner = itemgetter(*map(LEVELS.index, (0.05, 0.25, 0.5, 0.75, 0.95)))


def score_of(prediction: Prediction, outcome_e8: int, open_e8: int | None = None) -> Score:
    """Return the score of a prediction, given the close of its candle and, if known, its open."""
    p = prediction
    quantiles = p.quantiles_e8
    inner = p.low_90_e8, p.low_50_e8, p.price_e8, p.high_50_e8, p.high_90_e8
    errors = [BP * log(outcome_e8 / quantile) for quantile in quantiles or inner]
    low_90, low_50, error, high_50, high_90 = _inner(errors) if quantiles else errors
    losses = pinball(low_90, 0.05) + pinball(low_50, 0.25)
    losses += pinball(high_50, 0.75) + pinball(high_90, 0.95)
    width_50, width_90 = low_50 - high_50, low_90 - high_90
    up, brier, log_loss = _chance_scores(p.chance_up, outcome_e8, open_e8)
    return Score(
        symbol=p.symbol,
        interval=p.interval,
        open_ms=p.open_ms,
        close_ms=p.close_ms,
        issued_ms=p.issued_ms,
        minutes_to_close=p.minutes_to_close,
        model=p.model,
        version=p.version,
        status=p.status,
        champion=p.champion,
        volatility_bp=p.volatility_bp,
        price_e8=p.price_e8,
        outcome_e8=outcome_e8,
        error_bp=error,
        absolute_error_bp=abs(error),
        squared_error_bp2=error * error,
        pinball_bp=losses / 4,
        winkler_50_bp=winkler(width_50, -low_50, high_50, 0.5),
        winkler_90_bp=winkler(width_90, -low_90, high_90, 0.1),
        width_50_bp=width_50,
        width_90_bp=width_90,
        covered_50=p.low_50_e8 <= outcome_e8 <= p.high_50_e8,
        covered_90=p.low_90_e8 <= outcome_e8 <= p.high_90_e8,
        open_e8=open_e8,
        chance_up=p.chance_up,
        up=up,
        brier=brier,
        log_loss=log_loss,
        pinball_nine_bp=sum(map(pinball, errors, LEVELS)) / len(LEVELS) if quantiles else None,
        chance_champion=p.chance_champion,
    )


def _chance_scores(
    chance: float | None, outcome_e8: int, open_e8: int | None
) -> tuple[bool | None, float | None, float | None]:
    """Return whether the candle closed up, the Brier score and the log loss; None if unknown."""
    if open_e8 is None:
        return None, None, None
    up = outcome_e8 >= open_e8
    if chance is None:
        return up, None, None
    return up, (chance - up) ** 2, -log(chance if up else 1 - chance)
