"""Who speaks for a symbol: chosen by past scores, the reference included, slow to change.

A challenger is promoted when its loss on the same candles has been lower by a margin and by more
standard errors than chance gives. The loss is proper for the whole answer: the pinball loss of
the interval's quantiles and of the point as the median.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt

from processors.features.ewma import gain

MEMORY = gain(672)  # candles: seven days
FEWEST_CANDLES = 96  # a day
MARGIN = 0.0002  # of the champion's loss: what is better by less is not worth a change
CONFIDENCE = 2.0  # standard errors


@dataclass(frozen=True, slots=True)
class Promotion:
    """A change of the champion, with its evidence.

    Attributes:
        improvement: Of the loss, as a share of the former champion's.
        standard_errors: How many standard errors that is.
        candles: On how many candles both were scored.
    """

    former: str
    model: str
    improvement: float
    standard_errors: float
    candles: int


class Lead:
    """Moving mean of the champion's loss less a challenger's, and how sure it is."""

    __slots__ = ("_square", "_weights", "candles", "mean")

    def __init__(self) -> None:
        self.mean = self._square = 0.0
        self._weights = 1.0  # sum of squared weights of the mean
        self.candles = 0

    def add(self, difference: float) -> None:
        """Take one candle."""
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
    """The models of one symbol in competition.

    Attributes:
        champion: Name of the model that speaks for the symbol.
    """

    __slots__ = ("_leads", "_loss", "champion")

    def __init__(self, champion: str) -> None:
        self.champion = champion
        self._loss = Lead()
        self._leads: dict[str, Lead] = {}

    def add(self, losses: Mapping[str, float]) -> Promotion | None:
        """Take the mean loss of each model over one candle; return who takes over, if anyone."""
        champion = losses.get(self.champion)
        if champion is None:
            return None
        self._loss.add(champion)
        for model, loss in losses.items():
            if model != self.champion:
                self._leads.setdefault(model, Lead()).add(champion - loss)
        return self._promote()

    def crown(self, model: str) -> None:
        """Let a model speak from now on; others must show anew that they are better."""
        self.champion, self._leads, self._loss = model, {}, Lead()

    def drop(self, model: str) -> None:
        """Forget a model; where it was the champion, the reference is again."""
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
