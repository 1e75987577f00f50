"""Decides whether a call is tried again, and after which pause. It asks nobody itself."""

import time
from collections.abc import Callable

from candlewick.client.rest.answers import NOT_FRESH, ApiError
from clients.retry import pause_s
from schemas.errors import Transient


class Attempts:
    """The failures of one call on end.

    Args:
        patience_s: How long after the first failure a next attempt may begin; 0 allows none.
        clock: Monotonic seconds.
    """

    def __init__(self, patience_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._patience_s = patience_s
        self._clock = clock
        self._since_s: float | None = None
        self._failures = 0

    def pause_s(self, error: Transient) -> float:
        """Return how long to wait before the next attempt; raises the error if that is too long.

        That there is no fresh prediction is an answer: it is raised at once.
        """
        if isinstance(error, ApiError) and error.kind == NOT_FRESH:
            raise error
        now_s = self._clock()
        self._since_s = now_s if self._since_s is None else self._since_s
        pause = pause_s(self._failures, error.retry_after_s)
        self._failures += 1
        if now_s + pause - self._since_s > self._patience_s:
            raise error
        return pause

    def succeeded(self) -> None:
        """Forget the failures."""
        self._since_s, self._failures = None, 0
