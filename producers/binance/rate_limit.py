"""Budget of REST requests. Pure: times are milliseconds of a steady clock, passed in.

Source: binance-spot-api-docs, rest-api.md, "IP Limits".
"""

from typing import Final

MINUTE_MS: Final = 60_000
SHARE: Final = 0.8  # of the limit: other programs at this address need some too
FIRST_LIMIT: Final = 1000  # until exchangeInfo reports the real one


class Budget:
    """The request weight used in the exchange's current minute.

    Attributes:
        limit: Weight allowed a minute, from exchangeInfo; None until it is known.
        used: Weight used in this minute, from the newest answer.
    """

    def __init__(self) -> None:
        self.limit: int | None = None
        self.used = 0
        self._since_ms = 0
        self._closed_until_ms = 0

    def wait_ms(self, weight: int, now_ms: int) -> int:
        """Return the milliseconds to wait before a request of this weight; 0 to send it now.

        The exchange's minute began before we saw its count fall, so it is over one minute after
        that observation.
        """
        if now_ms < self._closed_until_ms:
            return self._closed_until_ms - now_ms
        if now_ms - self._since_ms >= MINUTE_MS:
            self.used, self._since_ms = 0, now_ms
        if self.used + weight <= (self.limit or FIRST_LIMIT) * SHARE:
            self.used += weight
            return 0
        return self._since_ms + MINUTE_MS - now_ms

    def note_used(self, used: int, now_ms: int) -> None:
        """Store the used weight that an answer's header reports."""
        if used < self.used // 2:
            self._since_ms = now_ms
        self.used = used

    def close(self, retry_after_ms: int, now_ms: int) -> None:
        """Block all requests for the time that the exchange demanded (status 429 or 418)."""
        self._closed_until_ms = max(self._closed_until_ms, now_ms + retry_after_ms)
