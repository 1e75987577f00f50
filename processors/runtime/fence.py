"""Fence: a worker that was frozen may have lost its partitions and must not write again. Pure."""

_SHARE_OF_SESSION = 0.6


class Fence:
    """Measures how long this process has been silent.

    Args:
        session_s: Session timeout of the consumer group, in seconds.
    """

    def __init__(self, *, session_s: float) -> None:
        self._limit_s = _SHARE_OF_SESSION * session_s
        self._seen_s: float | None = None

    def stood_still(self, now_s: float) -> bool:
        """Return whether so much time has passed since the last call that ownership is in doubt.

        Args:
            now_s: Time of a clock that goes on while the machine sleeps, in seconds.
        """
        silent_s = 0.0 if self._seen_s is None else now_s - self._seen_s
        self._seen_s = now_s
        return silent_s > self._limit_s
