"""Plausibility checks of REST's trades: times in the future, and single ids that jump."""

from collections.abc import Callable, Sequence
from typing import Final

import orjson

from producers.trades.exchange_clock import ExchangeClock
from producers.trades.ids.id_jumps import Jumps, not_followed
from schemas.errors import PoisonMessage
from schemas.market import Trade

# REST may be ahead of the stream, so only a second look decides that a time is wrong.
SECOND_LOOK_MS: Final = 2_000
MOST: Final = 1_000


class Doubts:
    """Filters a symbol's trades from REST, and buries each implausible one once."""

    def __init__(self, clock: ExchangeClock, bury: Callable[[PoisonMessage], None]) -> None:
        """Set up the checks; ``bury`` is called with each refused trade."""
        self._clock = clock
        self._bury = bury
        self._since_ms: dict[int, int] = {}
        self._buried: set[int] = set()

    def believed(self, page: Sequence[Trade], known_id: int, now_ms: int) -> list[Trade]:
        """Return the plausible trades of an answer.

        Args:
            page: Trades in the order of their ids.
            known_id: Id of the newest known trade before them.
            now_ms: Steady time.
        """
        jumps, found = Jumps(in_order=True), list[Trade]()
        for trade in page:
            if self._clock.is_ahead(trade.event_ms, now_ms):
                reason = f"trade time {trade.event_ms} ms is ahead of the exchange's clock"
                self._doubt(trade, PoisonMessage(reason, raw=orjson.dumps(trade)), now_ms)
                continue
            verdict = jumps.judge(trade, b"", known_id)
            found += verdict.taken
            known_id = found[-1].agg_id if found else known_id
            for refused in verdict.refused:
                self.refuse(refused.trade)
        return found

    def refuse(self, trade: Trade) -> None:
        """Bury a trade whose id jumped and that no trade followed."""
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
