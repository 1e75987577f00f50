"""When a connection was heard, and whether its silence means anything. Pure.

Times are milliseconds of a steady clock, passed in. The exchange sends the frames of a candle only
when it changes: a pair with a trade every few minutes sends nothing in between, but the exchange's
pings still come.

Source: binance-spot-api-docs, web-socket-streams.md: a ping every 20 seconds.
"""

from typing import Final

PING_MS: Final = 20_000
_WINDOW_MS: Final = 60_000
_MANY: Final = 10  # so many frames are expected in the silence: none of them is no accident


class SignsOfLife:
    """The frames and pings of one connection."""

    def __init__(self, opened_ms: int) -> None:
        self._opened_ms = self._begun_ms = opened_ms
        self._frame_ms = self._heard_ms = opened_ms
        self._frames = 0
        self._frames_before = 0
        self._begun_before_ms = opened_ms

    def frame(self, now_ms: int, count: int = 1) -> None:
        """Take note of a frame, or of some that were read together."""
        self._frame_ms = self._heard_ms = now_ms
        self._frames += count
        if now_ms - self._begun_ms >= _WINDOW_MS:
            self._frames_before, self._frames = self._frames, 0
            self._begun_before_ms, self._begun_ms = self._begun_ms, now_ms

    def ping(self, now_ms: int) -> None:
        """Take note of a ping of the exchange."""
        self._heard_ms = now_ms

    def without_frame_ms(self, now_ms: int) -> int:
        """Return how long before a time the newest frame came; not positive if it came since."""
        return now_ms - self._frame_ms

    def unheard_ms(self, now_ms: int) -> int:
        """Return how long ago the newest frame or ping came."""
        return now_ms - self._heard_ms

    def is_silent(self, now_ms: int, silence_ms: int) -> bool:
        """Tell whether the connection is dead, though it is open.

        Args:
            now_ms: The present.
            silence_ms: How long one on which much is traded may send no frame.
        """
        if now_ms - self._frame_ms < silence_ms:
            return False
        if self._is_busy(silence_ms):
            return True
        return self.unheard_ms(now_ms) >= PING_MS + silence_ms

    def _is_busy(self, silence_ms: int) -> bool:
        lasted_ms = max(self._frame_ms - self._begun_before_ms, 1)
        return (self._frames_before + self._frames) * silence_ms >= _MANY * max(
            lasted_ms, silence_ms
        )
