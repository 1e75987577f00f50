"""Where records go."""

from typing import Protocol

from schemas.market import Candle, Gap, TradeBlock


class Outlet(Protocol):
    """Takes records while it has room."""

    def send(self, record: TradeBlock | Candle | Gap) -> bool:
        """Queue a record; False while the queue is full."""
