"""River's ADWIN, from where it is computed.

Importing `river.drift` brings SciPy for other detectors: seconds and 80 MB in each process.

Source: Bifet and Gavaldà, "Learning from time-changing data with adaptive windowing", SDM (2007).
"""

from river._river_rust.drift import AdaptiveWindowing

CLOCK, BUCKETS, LEAST_WINDOW, GRACE = 32, 5, 5, 10  # River's own choices


class Adwin:
    """A window of values that shrinks when their mean has changed.

    Attributes:
        drift_detected: Whether the last value made it shrink.
    """

    __slots__ = ("_delta", "_window", "drift_detected")

    def __init__(self, delta: float) -> None:
        """Take how often a change may be seen where there is none."""
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
        """Take a value; after a change the window begins anew."""
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
