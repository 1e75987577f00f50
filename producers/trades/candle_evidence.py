"""Evidence in the exchange's candles for trades that have not arrived. Pure."""

from typing import Final

from schemas.market import NO_TRADE_ID, Candle

MAX_JUMP: Final = 5_000_000  # two days of the busiest symbol: an id further ahead is wrong


def is_unheard(candle: Candle, newest_event_ms: int) -> bool:
    """Return whether a candle of the exchange has trades behind all that came of its symbol.

    A connection that goes on with other symbols may bring nothing more of one, which is not quiet
    then.
    """
    return candle.trade_count > 0 and newest_event_ms < candle.open_ms


class Evidence:
    """Comparison of the newest known trade id with the newest one in candle frames.

    Attributes:
        suspect_ms: Steady time since which a candle contains a trade that has not arrived; None if
            no candle does.
    """

    def __init__(self) -> None:
        self.suspect_ms: int | None = None
        self._known_id = NO_TRADE_ID
        self._told_id = NO_TRADE_ID

    def know(self, trade_id: int) -> None:
        """Record a trade that has arrived or that the repair knows about."""
        if trade_id > self._known_id:
            self._known_id = trade_id
            if trade_id >= self._told_id:
                self.suspect_ms = None

    def tell(self, trade_id: int, now_ms: int) -> None:
        """Record the newest trade id in a candle; an id too far ahead is ignored."""
        if trade_id > self._known_id + MAX_JUMP:
            return
        self._told_id = max(self._told_id, trade_id)
        if self._told_id > self._known_id and self.suspect_ms is None:
            self.suspect_ms = now_ms

    def excuse(self, older_than_ms: int) -> None:
        """Drop a suspicion from before that time, because REST does not know the trade either."""
        if self.suspect_ms is not None and self.suspect_ms < older_than_ms:
            self._told_id, self.suspect_ms = self._known_id, None
