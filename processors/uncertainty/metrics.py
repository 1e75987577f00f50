"""Metrics of quantiles and prediction intervals, as River has metrics of points."""

from river import metrics
from river.conf import Interval

from processors.uncertainty.formulas import pinball, winkler


class PinballLoss(metrics.base.MeanMetric, metrics.base.RegressionMetric):
    """Mean pinball loss of one quantile: the lowest is that of the true quantile.

    Args:
        alpha: Level of the quantile, 0 to 1. At 0.5 it is half the mean absolute error.

    >>> metric = PinballLoss(alpha=0.9)
    >>> for y_true, y_pred in zip([3.0, -0.5, 2.0, 7.0], [2.5, 0.0, 2.0, 8.0], strict=True):
    ...     metric.update(y_true, y_pred)
    >>> metric
    PinballLoss: 0.15
    """

    def __init__(self, alpha: float = 0.5) -> None:
        super().__init__()  # type: ignore[no-untyped-call] # River's
        self.alpha = alpha

    def _eval(self, y_true: float, y_pred: float) -> float:
        return pinball(y_true - y_pred, self.alpha)


class WinklerScore(metrics.base.MeanMetric, metrics.base.RegressionMetric):
    """Mean Winkler score of prediction intervals: their width, and a penalty for each miss.

    Args:
        confidence_level: Share of outcomes that the intervals promise to hold.

    >>> metric = WinklerScore(confidence_level=0.9)
    >>> metric.update(5.0, Interval(0.0, 10.0))
    >>> metric.update(12.0, Interval(0.0, 10.0))
    >>> metric
    WinklerScore: 30.
    """

    def __init__(self, confidence_level: float = 0.9) -> None:
        super().__init__()  # type: ignore[no-untyped-call] # River's
        self.confidence_level = confidence_level

    def _eval(self, y_true: float, y_pred: Interval) -> float:
        below, above = y_pred.lower - y_true, y_true - y_pred.upper
        # Rounded, because 1 - 0.9 is not 0.1 in binary.
        return winkler(y_pred.width, below, above, round(1 - self.confidence_level, 12))


class Coverage(metrics.base.MeanMetric, metrics.base.RegressionMetric):
    """Share of the outcomes that lie within their prediction intervals, ends included.

    It is best where the intervals promised it to be, so compare intervals by `WinklerScore`.

    >>> metric = Coverage()
    >>> for y_true in (0.0, 5.0, 10.0, 12.0):
    ...     metric.update(y_true, Interval(0.0, 10.0))
    >>> metric
    Coverage: 75.00%
    """

    _fmt = ".2%"

    @property
    def bigger_is_better(self) -> bool:
        """Return True: fewer misses."""
        return True

    def _eval(self, y_true: float, y_pred: Interval) -> float:
        return float(y_true in y_pred)
