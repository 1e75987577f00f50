"""The formulas of quantiles and intervals: their losses, and the step of a tracked quantile. Pure.

Source: Koenker and Bassett, "Regression quantiles", Econometrica 46 (1978); Winkler, "A
decision-theoretic approach to interval estimation", JASA 67 (1972); Gneiting and Raftery, "Strictly
proper scoring rules, prediction, and estimation", JASA 102 (2007); Gibbs and Candès, "Adaptive
conformal inference under distribution shift", NeurIPS (2021).
"""

from math import pow  # noqa: A004 - the built-in one may return a complex number


def pinball(error: float, level: float) -> float:
    """Return the pinball loss of a quantile; ``error`` is outcome minus quantile.

    >>> pinball(2.0, 0.95), pinball(-2.0, 0.75)
    (1.9, 0.5)
    """
    return error * level if error >= 0 else error * (level - 1)


def winkler(width: float, below: float, above: float, miss_rate: float) -> float:
    """Return the Winkler score; ``below`` and ``above`` are the outcome's distances outside.

    >>> winkler(10.0, below=2.0, above=-12.0, miss_rate=0.1)
    50.0
    """
    if below <= 0 and above <= 0:
        return width
    return width + 2 / miss_rate * (max(below, 0.0) + max(above, 0.0))


def step_size(cases: int, slowest: float) -> float:
    """Return the step of a tracked quantile after so many cases: large at first, never below."""
    return max(slowest, 0.5 / pow(cases, 0.6))


def followed(quantile: float, *, missed: bool, miss_rate: float, step: float) -> float:
    """Return a tracked quantile after one case: higher after a miss, a little lower after a hit.

    In the long run the promised share is missed, whatever the distribution.

    >>> followed(1.0, missed=True, miss_rate=0.1, step=0.1)
    1.09
    >>> followed(1.0, missed=False, miss_rate=0.1, step=0.1)
    0.99
    """
    return quantile + step * (missed - miss_rate)
