"""River's ADWIN drift detector, imported from its compiled module.

Importing `river.drift` would load SciPy for other detectors: seconds and 80 MB in each process.

Source: Bifet and Gavaldà, "Learning from time-changing data with adaptive windowing", SDM (2007).
"""

from river._river_rust.drift import AdaptiveWindowing

CLOCK, BUCKETS, LEAST_WINDOW, GRACE = 32, 5, 5, 10  # River's defaults


class Adwin:
    """A window of values that shrinks when their mean has changed.

    Attributes:
        drift_detected: Whether the last value revealed a change.
    """

    __slots__ = ("_delta", "_window", "drift_detected")

    def __init__(self, delta: float) -> None:
        """Set the sensitivity: ``delta`` is the accepted probability of a false alarm."""
        self._delta = delta
        self._window = self._fresh()
        self.drift_detected = False

    @property
    def width(self) -> float:
        """Number of values in the window."""
        return float(self._window.get_width())

    @property
    def estimation(self) -> float:
        """Mean of the window."""
        return float(self._window.get_total()) / self.width if self.width else 0.0

    def update(self, value: float) -> None:
        """Add a value; the one after a change starts a new window."""
        if self.drift_detected:
            self._window = self._fresh()
        self.drift_detected = bool(self._window.update(value))

    def _fresh(self) -> AdaptiveWindowing:
        return AdaptiveWindowing(
            delta=self._delta,
            clock=CLOCK,
            max_buckets=BUCKETS,
            min_window_length=LEAST_WINDOW,
            grace_period=GRACE,
        )
