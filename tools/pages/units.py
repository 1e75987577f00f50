"""The unit of each field of the contracts, for the topics' pages."""

from dataclasses import fields

from schemas.coins import Coin, CoinDay
from schemas.market import Candle
from schemas.predictions import Prediction, Score

_MONEY = ("price", "market_cap", "fully_diluted", "volume_24h", "high_24h", "low_24h", "ath", "atl")
_PERCENT = ("change_24h", "market_cap_change_24h", "ath_change", "atl_change")
_SUPPLY = ("circulating_supply", "total_supply", "max_supply")
_BASE = ("volume", "taker_buy_volume")
_QUOTE = ("quote_volume", "taker_buy_quote_volume")
_SUFFIXES = (
    ("_ms", "ms since 1970 UTC"),
    ("_bp2", "basis points squared"),
    ("_bp", "basis points"),
)


def unit_of(record: type, field: str) -> str:
    """Return the unit of a contract's field; empty for texts, counts, ids and booleans."""
    if record in (Coin, CoinDay) and (known := _of_coin(field)):
        return known
    for suffix, unit in _SUFFIXES:
        if field.endswith(suffix):
            return unit
    if field == "minutes_to_close":
        return "minutes"
    if field.endswith("_e8"):
        return "1e-8 base" if field == "quantity_e8" else "1e-8 quote per base"
    return _of_amount(record, field)


def _of_coin(field: str) -> str:
    units = ((_MONEY, "US dollars"), (_PERCENT, "per cent"), (_SUPPLY, "coins"))
    return next((unit for names, unit in units if field in names), "")


def _of_amount(record: type, field: str) -> str:
    if record is Candle and field in _BASE:
        return "base asset"
    if record is Candle and field in _QUOTE:
        return "quote asset"
    if field == "price_variation":
        return "quote squared"
    amounts = {one.name.removesuffix("_e8") for one in fields(record) if one.name.endswith("_e8")}
    return "quote per base" if record in (Candle, Prediction, Score) and field in amounts else ""
