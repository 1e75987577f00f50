"""A worker that stood still may have lost its partitions: it must not write again. Pure."""

_SHARE_OF_SESSION = 0.6


class Fence:
    """Knows when this process last showed that it runs.

    Args:
        session_s: Session timeout of the consumer group, in seconds.
    """

    def __init__(self, *, session_s: float) -> None:
        self._limit_s = _SHARE_OF_SESSION * session_s
        self._seen_s: float | None = None

    def stood_still(self, now_s: float) -> bool:
        """Tell whether more time has passed since the last call than ownership allows.

        Args:
            now_s: A monotonic clock's reading, in seconds.
        """
        silent_s = 0.0 if self._seen_s is None else now_s - self._seen_s
        self._seen_s = now_s
        return silent_s > self._limit_s
