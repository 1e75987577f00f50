"""Candlewick for programs: `subscribe` reads topics, `connect` reads tables.

Importing the package is cheap: the module behind a name is imported on the name's first use.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from candlewick.client.connect import connect
    from candlewick.client.subscribe import subscribe
    from candlewick.client.subscription import Subscription
    from schemas.coins import Coin, CoinDay
    from schemas.errors import (
        CandlewickError,
        ConfigurationError,
        ContractMismatch,
        PoisonMessage,
        Transient,
    )
    from schemas.history import ArchiveFile, History, Hole
    from schemas.market import Candle, Gap, TradeBlock
    from schemas.predictions import ModelVersion, Prediction, Score, TrainingRequest
    from schemas.symbols import SymbolChoice

__all__ = (
    "ArchiveFile",
    "Candle",
    "CandlewickError",
    "Coin",
    "CoinDay",
    "ConfigurationError",
    "ContractMismatch",
    "Gap",
    "History",
    "Hole",
    "ModelVersion",
    "PoisonMessage",
    "Prediction",
    "Score",
    "Subscription",
    "SymbolChoice",
    "TradeBlock",
    "TrainingRequest",
    "Transient",
    "connect",
    "subscribe",
)
_MODULES = {
    "candlewick.client.connect": ("connect",),
    "candlewick.client.subscribe": ("subscribe",),
    "candlewick.client.subscription": ("Subscription",),
    "schemas.coins": ("Coin", "CoinDay"),
    "schemas.errors": (
        "CandlewickError",
        "ConfigurationError",
        "ContractMismatch",
        "PoisonMessage",
        "Transient",
    ),
    "schemas.history": ("ArchiveFile", "History", "Hole"),
    "schemas.market": ("Candle", "Gap", "TradeBlock"),
    "schemas.predictions": ("ModelVersion", "Prediction", "Score", "TrainingRequest"),
    "schemas.symbols": ("SymbolChoice",),
}
_HOMES = {name: module for module, names in _MODULES.items() for name in names}

if not TYPE_CHECKING:  # a type checker must know the names above and no others

    def __getattr__(name: str) -> object:
        if name not in _HOMES:
            raise AttributeError(f"module 'candlewick' has no attribute {name!r}")
        found = getattr(import_module(_HOMES[name]), name)
        globals()[name] = found
        return found

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
