"""Conversions between log variances per minute and the scale of the return to the close."""

from math import exp, log, sqrt

from processors.features.features import CENTRE, VOLATILITY, Features

CALMEST, WILDEST = -8.0, 12.0  # 0.08 bp and 17 % per minute: no market moves less or more
TARGET_FLOOR = (0.6e-4) ** 2  # 0.6 bp: keeps the logarithm finite when nothing moves


def scale_of(log_variance: float, minutes: float) -> float:
    """Return the scale of the return over ``minutes`` at a centred log variance per minute."""
    if not CALMEST < log_variance < WILDEST:
        log_variance = min(max(log_variance, CALMEST), WILDEST)
    return exp((log_variance - CENTRE) / 2) * sqrt(minutes)


def recent_log_variance(x: Features) -> float:
    """Return the centred log variance of the last hour: the forecast before any learning."""
    return x.get(VOLATILITY, 0.0)


def target_of(variance: float, minutes: int) -> float:
    """Return the training target for the realised variance of the last ``minutes``."""
    return log(variance / minutes + TARGET_FLOOR) + CENTRE


def log_variance_of(scale: float, minutes: float) -> float:
    """Return the centred log variance per minute of a scale: the inverse of `scale_of`."""
    return log(scale * scale / minutes) + CENTRE
