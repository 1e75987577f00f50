"""Wrong passwords are counted, by user and by address; who has too many waits."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

MOST_REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class Failures:
    """How many in a row, and when the last was, monotonic seconds."""

    count: int
    last_s: float


class Attempts:
    """Remembers failures in this process, the newest `MOST_REMEMBERED` of them.

    Args:
        most: Failures in a row until the wait begins.
        wait_s: How long it is.
        clock_s: Monotonic seconds.
    """

    def __init__(self, most: int, wait_s: int, clock_s: Callable[[], float]) -> None:
        self._most, self._wait_s, self._clock_s = most, wait_s, clock_s
        self._failures: OrderedDict[str, Failures] = OrderedDict()
        self._lock = threading.Lock()

    def wait_s(self, *names: str) -> int:
        """Return for how many seconds any of these names must wait; 0 for none."""
        now_s = self._clock_s()
        with self._lock:
            waits = [self._left_s(self._failures.get(name), now_s) for name in names]
        return max(waits, default=0)

    def failed(self, *names: str) -> None:
        """Count a failure of each name."""
        now_s = self._clock_s()
        with self._lock:
            for name in names:
                before = self._failures.pop(name, None)
                fresh = before is None or now_s - before.last_s > self._wait_s
                count = 1 if before is None or fresh else before.count + 1
                self._failures[name] = Failures(count, now_s)
            while len(self._failures) > MOST_REMEMBERED:
                self._failures.popitem(last=False)

    def succeeded(self, *names: str) -> None:
        """Forget the failures of each name."""
        with self._lock:
            for name in names:
                self._failures.pop(name, None)

    def _left_s(self, failures: Failures | None, now_s: float) -> int:
        if failures is None or failures.count < self._most:
            return 0
        left = self._wait_s - (now_s - failures.last_s)
        return max(0, int(left) + 1) if left > 0 else 0
