"""When to read next: soon while much comes, later while little does. Pure.

Each poll wakes two threads and the broker, whatever it brings. So records gather before it; while
few come, nobody is served by reading them one by one.
"""

from typing import Final

_SOON_S: Final = 0.01
_FEW_BYTES: Final = 50_000  # a second: some 1,500 trades
_MEMORY_S: Final = 1.0


class Pace:
    """Measures how much comes.

    Args:
        gather_s: Seconds between two polls while little comes, if they are more than 10 ms.
    """

    def __init__(self, *, gather_s: float) -> None:
        self._gather_s = max(gather_s, _SOON_S)
        self._polled_s: float | None = None
        self._rate = 0.0

    def polled(self, size: int, now_s: float) -> None:
        """Take note of a poll.

        Args:
            size: What it brought, in bytes.
            now_s: Time of a monotonic clock, in seconds.
        """
        since_s = _MEMORY_S if self._polled_s is None else max(now_s - self._polled_s, 1e-6)
        weight = min(since_s / _MEMORY_S, 1.0)
        self._rate += (size / since_s - self._rate) * weight
        self._polled_s = now_s

    def wait_s(self, now_s: float) -> float:
        """Return how many seconds to wait before the next poll."""
        if self._polled_s is None:
            return 0.0
        pause_s = self._gather_s if self._rate < _FEW_BYTES else _SOON_S
        return max(0.0, self._polled_s + pause_s - now_s)
