"""Between log variances a minute and the scale of the return to the close."""

from math import exp, log, sqrt

from processors.features.features import CENTRE, VOLATILITY, Features

CALMEST, WILDEST = -8.0, 12.0  # 0.08 bp and 17 % a minute: outside is no market
TARGET_FLOOR = (0.6e-4) ** 2  # 0.6 bp: a rest in which nothing moved has a logarithm too


def scale_of(log_variance: float, minutes: float) -> float:
    """Return the scale of the return over ``minutes`` at a centred log variance a minute."""
    return exp((min(max(log_variance, CALMEST), WILDEST) - CENTRE) / 2) * sqrt(minutes)


def recent_log_variance(x: Features) -> float:
    """Return the centred log variance of the last hour: what to expect when nothing is learned."""
    return x.get(VOLATILITY, 0.0)


def target_of(variance: float, minutes: int) -> float:
    """Return what a model learns from the realised variance of the ``minutes`` of the rest."""
    return log(variance / minutes + TARGET_FLOOR) + CENTRE


def log_variance_of(scale: float, minutes: float) -> float:
    """Return the centred log variance a minute of a scale: the inverse of `scale_of`."""
    return log(scale * scale / minutes) + CENTRE
