"""Chooses the champion of a symbol by past scores; the reference competes too.

A challenger is promoted when its loss on the same candles has been lower by a margin, and by more
standard errors than chance explains. The loss is a proper score of the whole answer: the pinball
loss of the interval's quantiles and of the point as the median.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt

from processors.features.ewma import gain

MEMORY = gain(672)  # candles: seven days
FEWEST_CANDLES = 96  # a day
MARGIN = 0.0002  # of the champion's loss: a smaller improvement is not worth a change
CONFIDENCE = 2.0  # standard errors


@dataclass(frozen=True, slots=True)
class Promotion:
    """A change of the champion, with its evidence.

    Attributes:
        improvement: Reduction of the loss, as a share of the former champion's loss.
        standard_errors: The same reduction in units of its standard error.
        candles: Number of candles on which both were scored.
    """

    former: str
    model: str
    improvement: float
    standard_errors: float
    candles: int


class Lead:
    """Moving mean of the champion's loss minus a challenger's, and its standard error."""

    __slots__ = ("_square", "_weights", "candles", "mean")

    def __init__(self) -> None:
        self.mean = self._square = 0.0
        self._weights = 1.0  # sum of squared weights of the mean
        self.candles = 0

    def add(self, difference: float) -> None:
        """Add the difference on one candle."""
        self.candles += 1
        weight = max(MEMORY, 1 / self.candles)
        self.mean += weight * (difference - self.mean)
        self._square += weight * (difference**2 - self._square)
        # The variance of a weighted mean is that of one candle times the sum of squared weights.
        self._weights = weight**2 + (1 - weight) ** 2 * self._weights

    @property
    def standard_errors(self) -> float:
        """The mean in units of its standard error."""
        variance = max(self._square - self.mean**2, 0.0) * self._weights
        return self.mean / sqrt(variance) if variance > 0 else 0.0


class Championship:
    """Competition of the models of one symbol.

    Attributes:
        champion: Name of the model whose predictions are shown by default.
    """

    __slots__ = ("_leads", "_loss", "champion")

    def __init__(self, champion: str) -> None:
        self.champion = champion
        self._loss = Lead()
        self._leads: dict[str, Lead] = {}

    def add(self, losses: Mapping[str, float]) -> Promotion | None:
        """Add each model's mean loss over one candle; return a promotion if there is one."""
        champion = losses.get(self.champion)
        if champion is None:
            return None
        self._loss.add(champion)
        for model, loss in losses.items():
            if model != self.champion:
                self._leads.setdefault(model, Lead()).add(champion - loss)
        return self._promote()

    def crown(self, model: str) -> None:
        """Make a model champion; all others start again to prove that they are better."""
        self.champion, self._leads, self._loss = model, {}, Lead()

    def drop(self, model: str) -> None:
        """Forget a model; if it was champion, the reference takes its place."""
        self._leads.pop(model, None)
        if self.champion == model:
            self.crown("reference")

    def _promote(self) -> Promotion | None:
        ready = [name for name, lead in self._leads.items() if self._has_won(lead)]
        if not ready:
            return None
        model = max(ready, key=lambda name: (self._leads[name].mean, name))
        lead, former = self._leads[model], self.champion
        share = lead.mean / self._loss.mean
        self.crown(model)
        return Promotion(former, model, share, lead.standard_errors, lead.candles)

    def _has_won(self, lead: Lead) -> bool:
        enough = lead.candles >= FEWEST_CANDLES and lead.standard_errors > CONFIDENCE
        return enough and lead.mean > MARGIN * self._loss.mean
