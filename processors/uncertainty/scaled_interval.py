"""Prediction intervals that are wide where the outcome is uncertain, for any regressor of River."""

from collections.abc import Iterator
from math import exp, log
from typing import Any, Literal, overload

from river import compose
from river.base import Regressor, Wrapper
from river.conf import Interval

from processors.uncertainty.formulas import followed, step_size

_TINY = 1e-12  # keeps the logarithm of an exact prediction finite
_MOST = 300.0  # keeps the exponential finite, whatever the scale predicts
Row = dict[Any, Any]


class ScaledInterval(Wrapper[Regressor], Regressor):
    """Conformal intervals whose width follows a second regressor, of the residual's size.

    The interval is the prediction plus and minus the scale times a quantile. The scale is learned
    from the logarithm of the residual's size. The quantile is tracked: it rises after a miss and
    falls a little after a hit, so the promised share is held in the long run whatever both predict.
    Where `river.conf.RegressionJackknife` has one width for all, this holds its promise in calm and
    in storm.

    Args:
        regressor: Predicts the outcome.
        scale: Predicts the log of the residual's size.
        confidence_level: Share of outcomes that the intervals promise to hold.
        slowest: The smallest step of the tracked quantile's logarithm.

    >>> import random
    >>> from river import linear_model, preprocessing
    >>> from processors.uncertainty.metrics import Coverage
    >>> def linear():
    ...     return preprocessing.StandardScaler() | linear_model.LinearRegression()
    >>> model = ScaledInterval(linear(), scale=linear(), confidence_level=0.9)
    >>> chance, calm, storm = random.Random(1), Coverage(), Coverage()
    >>> for i in range(6000):
    ...     wild = chance.random()
    ...     x, y = {"wild": wild}, wild + chance.gauss(0, 0.1 + wild)
    ...     if i > 2000:
    ...         coverage = calm if wild < 0.5 else storm
    ...         coverage.update(y, model.predict_one(x, with_interval=True))
    ...     model.learn_one(x, y)
    >>> round(calm.get(), 2), round(storm.get(), 2)
    (0.9, 0.91)

    Source: Papadopoulos et al., "Normalized nonconformity measures for regression conformal
    prediction" (2008); Gibbs and Candès, "Adaptive conformal inference under distribution shift",
    NeurIPS (2021).
    """

    def __init__(
        self,
        regressor: Regressor,
        scale: Regressor,
        confidence_level: float = 0.9,
        slowest: float = 0.01,
    ) -> None:
        self.regressor = regressor
        self.scale = scale
        self.confidence_level = confidence_level
        self.slowest = slowest
        self._quantile = 0.0  # its logarithm, in units of the scale
        self._cases = 0

    @property
    def _wrapped_model(self) -> Regressor:
        return self.regressor

    @classmethod
    def _unit_test_params(cls) -> Iterator[dict[str, Any]]:
        from river import linear_model, preprocessing  # noqa: PLC0415 - for River's checks only

        def linear() -> compose.Pipeline:
            return preprocessing.StandardScaler() | linear_model.LinearRegression()

        yield {"regressor": linear(), "scale": linear()}

    # River wants of a wrapper that it passes other arguments on.
    def learn_one(self, x: Row, y: float, **kwargs: Any) -> None:  # noqa: ANN401 - the regressor's
        """Learn one case: the quantile first, then both regressors."""
        size = abs(y - self.regressor.predict_one(x))
        self._cases += 1
        self._quantile = followed(
            self._quantile,
            missed=size > self._half_width(x),
            miss_rate=1 - self.confidence_level,
            step=step_size(self._cases, self.slowest),
        )
        self.scale.learn_one(x, log(size + _TINY))
        self.regressor.learn_one(x, y, **kwargs)

    @overload
    def predict_one(
        self,
        x: Row,
        with_interval: Literal[False] = False,  # noqa: FBT002 - River's signature
        **kwargs: Any,  # noqa: ANN401 - the regressor's
    ) -> float: ...
    @overload
    def predict_one(self, x: Row, with_interval: Literal[True], **kwargs: Any) -> Interval: ...  # noqa: ANN401

    def predict_one(
        self,
        x: Row,
        with_interval: bool = False,  # noqa: FBT001, FBT002 - River's signature
        **kwargs: Any,
    ) -> float | Interval:
        """Return the prediction, or its interval."""
        predicted = float(self.regressor.predict_one(x, **kwargs))
        if not with_interval:
            return predicted
        half = self._half_width(x)
        return Interval(predicted - half, predicted + half)

    def _half_width(self, x: Row) -> float:
        return exp(min(float(self.scale.predict_one(x)) + self._quantile, _MOST))
