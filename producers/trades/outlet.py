"""The interface for publishing records."""

from typing import Protocol

from schemas.market import Candle, Gap, TradeBlock
from schemas.symbols import SymbolChoice


class Outlet(Protocol):
    """Accepts records while its queue has room, in an order that a crash cannot make false."""

    def send(self, record: TradeBlock | Candle | Gap | SymbolChoice) -> bool:
        """Queue a record; False while the queue is full, or another must be acknowledged first."""
