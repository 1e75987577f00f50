"""Candlewick for programs: `Client` asks the API, `subscribe` reads topics, `connect` tables.

Importing the package is cheap: the module behind a name is imported on the name's first use.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from candlewick.client.connect import connect
    from candlewick.client.rest.answers import ApiError, ApiUnavailable
    from candlewick.client.rest.asynchronous import AsyncClient
    from candlewick.client.rest.blocking import Client
    from candlewick.client.rest.following import LostRecords, StreamEvent
    from candlewick.client.rest.health_rows import Health
    from candlewick.client.rest.prediction_rows import (
        CurrentPrediction,
        OutcomeRow,
        PredictionRow,
        ReliabilityRow,
        ScoreRow,
        SkillRow,
    )
    from candlewick.client.rest.rows import (
        CandleRow,
        CompletenessRow,
        GapRow,
        LiveCandle,
        SymbolRow,
    )
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
    "ApiError",
    "ApiUnavailable",
    "ArchiveFile",
    "AsyncClient",
    "Candle",
    "CandleRow",
    "CandlewickError",
    "Client",
    "Coin",
    "CoinDay",
    "CompletenessRow",
    "ConfigurationError",
    "ContractMismatch",
    "CurrentPrediction",
    "Gap",
    "GapRow",
    "Health",
    "History",
    "Hole",
    "LiveCandle",
    "LostRecords",
    "ModelVersion",
    "OutcomeRow",
    "PoisonMessage",
    "Prediction",
    "PredictionRow",
    "ReliabilityRow",
    "Score",
    "ScoreRow",
    "SkillRow",
    "StreamEvent",
    "Subscription",
    "SymbolChoice",
    "SymbolRow",
    "TradeBlock",
    "TrainingRequest",
    "Transient",
    "connect",
    "subscribe",
)
_MODULES = {
    "candlewick.client.connect": ("connect",),
    "candlewick.client.rest.answers": ("ApiError", "ApiUnavailable"),
    "candlewick.client.rest.asynchronous": ("AsyncClient",),
    "candlewick.client.rest.blocking": ("Client",),
    "candlewick.client.rest.following": ("LostRecords", "StreamEvent"),
    "candlewick.client.rest.health_rows": ("Health",),
    "candlewick.client.rest.prediction_rows": (
        "CurrentPrediction",
        "OutcomeRow",
        "PredictionRow",
        "ReliabilityRow",
        "ScoreRow",
        "SkillRow",
    ),
    "candlewick.client.rest.rows": (
        "CandleRow",
        "CompletenessRow",
        "GapRow",
        "LiveCandle",
        "SymbolRow",
    ),
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
