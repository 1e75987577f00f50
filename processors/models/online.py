"""The online model, made of River: learns from each candle, and monitors its residuals for drift.

When the distribution of the residuals changes, a fresh challenger starts beside the old bank. It
takes over only when it has been clearly better over enough candles.
"""

from math import sqrt

from processors.features.features import Features
from processors.models.light_river import drift
from processors.models.point import ShrunkPoint
from processors.models.protocol import Answer, Notice, Outcome
from processors.models.scale import scale_of
from processors.models.variance import VarianceBank
from schemas.predictions import ModelEvent

OPEN_MINUTES = 15  # only the question at the candle's open is monitored
DRIFT_CONFIDENCE = 0.0002  # a tenth of River's default; each alarm starts a trial of nine days
WARM_UP_CANDLES = 192  # two days, in which a challenger has learned too little to be compared
TRIAL_CANDLES = 672  # seven days
TAKEOVER = 2.0  # standard errors by which a challenger must be better


class Trial:
    """A trial of a fresh bank against the old one."""

    __slots__ = ("_gain", "_noise", "bank", "candles")

    def __init__(self) -> None:
        self.bank = VarianceBank()
        self.candles = 0
        self._gain = self._noise = 0.0

    def compare(self, old_residual: float, new_residual: float) -> None:
        """Add both banks' residuals on one candle."""
        self.candles += 1
        if self.candles > WARM_UP_CANDLES:
            gained = old_residual**2 - new_residual**2
            self._gain += gained
            self._noise += gained**2

    @property
    def advantage(self) -> float:
        """Number of standard errors by which the challenger is better."""
        return self._gain / sqrt(self._noise) if self._noise > 0 else 0.0


class Online:
    """Regression of the log variance, a point shrunk to zero, and drift detection by ADWIN.

    Source: Bifet and Gavaldà, "Learning from time-changing data with adaptive windowing", SDM
    (2007); Montiel et al., "River: machine learning for streaming data in Python" (2021).
    """

    name = "online"

    def __init__(self) -> None:
        self.generation = 1
        self._bank = VarianceBank()
        self._point = ShrunkPoint()
        self._trial: Trial | None = None
        self._detector = drift.ADWIN(delta=DRIFT_CONFIDENCE)

    @property
    def version(self) -> str:
        """The generation: 1, plus one for each challenger that took over."""
        return str(self.generation)

    def predict_one(self, x: Features, minutes: int) -> Answer:
        """Answer one question."""
        log_variance = self._bank.predict_one(x, minutes)
        return Answer(self._point.predict_one(x, minutes), scale_of(log_variance, minutes))

    def learn_one(self, x: Features, minutes: int, outcome: Outcome) -> Notice | None:
        """Learn from one question; return a notice of drift or of the end of a trial, if any."""
        self._point.learn_one(x, minutes, outcome.log_return)
        if outcome.log_variance is None:
            return None
        # Compute the residual before the bank learns the case: afterwards it would be too small.
        notice = self._watch(x, outcome.log_variance) if minutes == OPEN_MINUTES else None
        self._bank.learn_one(x, minutes, outcome.log_variance)
        if self._trial:
            self._trial.bank.learn_one(x, minutes, outcome.log_variance)
        return notice

    def _watch(self, x: Features, log_variance: float) -> Notice | None:
        residual = log_variance - self._bank.predict_one(x, OPEN_MINUTES)
        self._detector.update(residual)
        if self._trial:
            challenger = log_variance - self._trial.bank.predict_one(x, OPEN_MINUTES)
            self._trial.compare(residual, challenger)
            return self._judge(self._trial)
        if self._detector.drift_detected:
            self._trial = Trial()
            detector = self._detector
            window = {"mean_residual": detector.estimation, "window": float(detector.width)}
            return Notice(ModelEvent.DRIFT, "residuals changed: a fresh challenger starts", window)
        return None

    def _judge(self, trial: Trial) -> Notice | None:
        if trial.candles < WARM_UP_CANDLES + TRIAL_CANDLES:
            return None
        self._trial = None
        evidence = {"advantage": trial.advantage, "candles": float(trial.candles)}
        if trial.advantage < TAKEOVER:
            return Notice(ModelEvent.RETIRED, "the challenger was not better", evidence)
        self._bank = trial.bank
        self.generation += 1
        return Notice(ModelEvent.PROMOTED, "the challenger was better and took over", evidence)
