"""What REST answers and cannot be: trades of times to come, and ids that jump alone."""

from collections.abc import Callable, Sequence
from typing import Final

import orjson

from producers.trades.exchange_clock import ExchangeClock
from producers.trades.id_jumps import Jumps, not_followed
from schemas.errors import PoisonMessage
from schemas.market import Trade

# REST may know a moment that has not reached us by the stream yet: a second look decides.
SECOND_LOOK_MS: Final = 2_000
MOST: Final = 1_000


class Doubts:
    """Takes a symbol's trades from answers of REST; each one that is not believed is told once."""

    def __init__(self, clock: ExchangeClock, bury: Callable[[PoisonMessage], None]) -> None:
        """Set it up; ``bury`` gets what is refused."""
        self._clock = clock
        self._bury = bury
        self._since_ms: dict[int, int] = {}
        self._buried: set[int] = set()

    def believed(self, page: Sequence[Trade], known_id: int, now_ms: int) -> list[Trade]:
        """Return those trades of an answer that can be.

        Args:
            page: In the order of ids.
            known_id: Of the trade before them, as far as is known.
            now_ms: Steady time.
        """
        jumps, found = Jumps(), list[Trade]()
        for trade in page:
            if self._clock.is_ahead(trade.event_ms, now_ms):
                reason = f"trade time {trade.event_ms} ms is ahead of the exchange's clock"
                self._doubt(trade, PoisonMessage(reason, raw=orjson.dumps(trade)), now_ms)
                continue
            verdict = jumps.judge(trade, b"", known_id)
            found += verdict.taken
            known_id = found[-1].agg_id if found else known_id
            if verdict.refused is not None:
                self.refuse(verdict.refused.trade)
        return found

    def refuse(self, trade: Trade) -> None:
        """Tell that nothing followed a trade whose id jumped."""
        self._tell(trade, not_followed(trade, orjson.dumps(trade)))

    def _doubt(self, trade: Trade, error: PoisonMessage, now_ms: int) -> None:
        if len(self._since_ms) >= MOST:
            self._since_ms.clear()
        if now_ms - self._since_ms.setdefault(trade.agg_id, now_ms) >= SECOND_LOOK_MS:
            self._tell(trade, error)

    def _tell(self, trade: Trade, error: PoisonMessage) -> None:
        if len(self._buried) >= MOST:
            self._buried.clear()
        if trade.agg_id not in self._buried:
            self._buried.add(trade.agg_id)
            self._bury(error)
