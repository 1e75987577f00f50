"""The interface for publishing records."""

from typing import Protocol

from schemas.market import Candle, Gap, TradeBlock


class Outlet(Protocol):
    """Accepts records while its queue has room."""

    def send(self, record: TradeBlock | Candle | Gap) -> bool:
        """Queue a record; False while the queue is full."""
