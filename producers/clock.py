"""One steady clock: UTC epoch milliseconds at the start, and monotonic from there.

A jump of the machine's clock changes no duration.
"""

import time
from typing import Final

_START_MS: Final = time.time_ns() // 1_000_000
_START_NS: Final = time.monotonic_ns()


def steady_ms() -> int:
    """Return the steady time in milliseconds."""
    return _START_MS + (time.monotonic_ns() - _START_NS) // 1_000_000


def wall_ms() -> int:
    """Return the machine's UTC time in milliseconds: for stamps, never for durations."""
    return time.time_ns() // 1_000_000
