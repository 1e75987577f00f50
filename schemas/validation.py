"""Validation of records before they are sent and after they are read. Pure.

It is the only one: `schemas.codecs` calls it in both directions, so no reader and no writer has
rules of its own.
"""

from collections.abc import Callable
from typing import Any, Final

from schemas.coins import Coin, CoinDay
from schemas.history import ArchiveFile, CrossCheck, History, Hole, IrregularRow, history_key
from schemas.market import Candle, Gap, Trade, TradeBlock
from schemas.predictions import ModelVersion, Prediction, Score, TrainingRequest
from schemas.rules import history as history_rules
from schemas.rules import market, predictions, symbols
from schemas.rules.checks import short
from schemas.symbols import SymbolChoice

_RULES: Final[dict[type, Callable[[Any], None]]] = {
    Trade: market.check_trade,
    TradeBlock: market.check_block,
    Candle: market.check_candle,
    Gap: market.check_gap,
    Hole: history_rules.check_hole,
    CrossCheck: history_rules.check_cross_check,
    IrregularRow: history_rules.check_irregular_row,
    ArchiveFile: history_rules.check_archive,
    History: history_rules.check_history,
    Coin: history_rules.check_coin,
    CoinDay: history_rules.check_coin_day,
    Prediction: predictions.check_prediction,
    Score: predictions.check_score,
    ModelVersion: predictions.check_model_version,
    TrainingRequest: predictions.check_training_request,
    SymbolChoice: symbols.check_choice,
}
_KEYS: Final[dict[type, Callable[[Any], str]]] = {
    ArchiveFile: lambda file: file.name,
    History: lambda history: history_key(history.symbol, history.interval),
    Coin: lambda coin: coin.coin_id,
    CoinDay: lambda day: day.coin_id,
    ModelVersion: lambda version: version.key,
    SymbolChoice: lambda choice: choice.key,
}


def validate(record: object) -> None:
    """Refuse a record that cannot be true: without a market or a time, or out of order.

    Raises:
        ValueError: The message names the first fault.
    """
    _RULES[type(record)](record)


def key_of(record: Any) -> str:  # noqa: ANN401 - any of the records above
    """Return the key of a record's message, by default its symbol.

    The key of a training request for all symbols is empty.
    """
    named = _KEYS.get(type(record))
    return named(record) if named else record.symbol


def check_key(record: object, key: bytes | None) -> None:
    """Refuse a message whose key does not match its record.

    Raises:
        ValueError: The key is missing or differs.
    """
    if key is None:
        raise ValueError("the message has no key")
    wanted = key_of(record)
    if key != wanted.encode():
        raise ValueError(
            f"key {short(key.decode(errors='replace'))} is not the record's {short(wanted)}"
        )
