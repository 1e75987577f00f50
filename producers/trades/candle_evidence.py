"""What the exchange's candles tell of trades that have not come. Pure."""

from typing import Final

from schemas.market import NO_TRADE_ID

MAX_JUMP: Final = 5_000_000  # two days of the busiest symbol: an id beyond is no id


class Evidence:
    """Trade ids that are known, against those that candle frames tell of.

    Attributes:
        suspect_ms: Steady time since when a candle tells of a trade that has not come; None while
            none does.
    """

    def __init__(self) -> None:
        self.suspect_ms: int | None = None
        self._known_id = NO_TRADE_ID
        self._told_id = NO_TRADE_ID

    def know(self, trade_id: int) -> None:
        """Take note of a trade that has come, or that the repair knows of."""
        if trade_id > self._known_id:
            self._known_id = trade_id
            if trade_id >= self._told_id:
                self.suspect_ms = None

    def tell(self, trade_id: int, now_ms: int) -> None:
        """Take note of the newest trade that a candle tells of; absurd ids are not believed."""
        if trade_id > self._known_id + MAX_JUMP:
            return
        self._told_id = max(self._told_id, trade_id)
        if self._told_id > self._known_id and self.suspect_ms is None:
            self.suspect_ms = now_ms

    def excuse(self, older_than_ms: int) -> None:
        """Drop a suspicion of before that time: REST does not know of such a trade either."""
        if self.suspect_ms is not None and self.suspect_ms < older_than_ms:
            self._told_id, self.suspect_ms = self._known_id, None
