"""One steady clock: UTC epoch milliseconds at the start, and monotonic from there.

A jump of the machine's clock changes no duration; its sleep is counted where the system tells it.
"""

import time
from typing import Final


def _steady_ns() -> int:
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    return time.monotonic_ns()


_START_MS: Final = time.time_ns() // 1_000_000
_START_NS: Final = _steady_ns()


def steady_ms() -> int:
    """Return the steady time in milliseconds."""
    return _START_MS + (_steady_ns() - _START_NS) // 1_000_000


def wall_ms() -> int:
    """Return the machine's UTC time in milliseconds: for stamps, never for durations."""
    return time.time_ns() // 1_000_000
