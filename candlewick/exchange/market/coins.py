"""The coins of the simulated market: how each behaves, and its recorded tick and step sizes."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Final

E8: Final = 100_000_000


@dataclass(frozen=True, slots=True)
class Coin:
    """The behaviour of one symbol of the generated market.

    Attributes:
        listed: First day of trading on the exchange.
        level: Price in USDT to which the generated market reverts.
        daily_volatility: Standard deviation of daily log returns.
        reversion: Share of the log distance to `level` that closes in a day.
        minute_volume: Typical volume of one minute, in the coin.
        share: Share of this symbol in all trades of the default market.
        quiet_minutes: Minutes without a trade in a day.
        tick_e8: Price step in units of 1e-8.
        step_e8: Quantity step in units of 1e-8.
    """

    symbol: str
    listed: date
    level: float
    daily_volatility: float
    reversion: float
    minute_volume: float
    share: float
    quiet_minutes: int
    tick_e8: int
    step_e8: int

    @property
    def quote_unit_e8(self) -> int:
        """Value of one tick times one step, in units of 1e-8 of the quote."""
        return self.tick_e8 * self.step_e8 // E8


# Listing day, price level, volatility, reversion, volume, share of trades, quiet minutes a day.
# Levels are those of October 2021, when the tick sizes were recorded.
_TRAITS: Final[Mapping[str, tuple[str, float, float, float, float, float, int]]] = {
    "BTCUSDT": ("2017-08-17", 105_000.0, 0.022, 0.01, 10.0, 0.30, 0),
    "ETHUSDT": ("2017-08-17", 3_000.0, 0.032, 0.01, 250.0, 0.25, 0),
    "BNBUSDT": ("2017-11-06", 410.0, 0.030, 0.01, 40.0, 0.08, 0),
    "SOLUSDT": ("2020-08-11", 145.0, 0.045, 0.01, 600.0, 0.12, 0),
    "XRPUSDT": ("2018-05-04", 1.12, 0.040, 0.01, 110_000.0, 0.09, 0),
    "ADAUSDT": ("2018-04-17", 2.15, 0.040, 0.01, 30_000.0, 0.05, 0),
    "DOGEUSDT": ("2019-07-05", 0.23, 0.050, 0.01, 500_000.0, 0.06, 0),
    "DOTUSDT": ("2020-08-18", 35.0, 0.045, 0.01, 120.0, 0.004, 70),
    "LINKUSDT": ("2019-01-16", 26.0, 0.045, 0.01, 900.0, 0.02, 0),
    "LTCUSDT": ("2017-12-13", 180.0, 0.035, 0.01, 25.0, 0.006, 45),
    "USDCUSDT": ("2018-12-15", 1.0, 0.0002, 0.3, 60_000.0, 0.02, 0),
}

DEFAULT_SYMBOLS: Final = tuple(_TRAITS)
# A symbol of another script, as the exchange has some; and any number of made-up coins, as quiet as
# most of the exchange's are: SIM1USDT, SIM2USDT, ...
UNICODE_SYMBOL: Final = "币安人生USDT"
_MADE_UP: Final = re.compile(r"SIM([1-9][0-9]{0,3})USDT")
_MADE_UP_TRAITS: Final = ("2024-01-01", 0.15, 0.05, 0.01, 900_000.0, 0.002, 400)
_MADE_UP_SIZES: Final = (10_000, 10_000_000)


@cache
def exchange_info() -> Mapping[str, object]:
    """Return the recorded `exchangeInfo` answer (see data/README.md)."""
    text = files("candlewick.exchange").joinpath("data/exchange_info.json").read_text("utf-8")
    loaded: dict[str, object] = json.loads(text)
    return loaded


@cache
def symbol_infos() -> Mapping[str, Mapping[str, object]]:
    """Return the recorded `exchangeInfo` entry of each symbol."""
    entries = exchange_info()["symbols"]
    if not isinstance(entries, list):
        raise TypeError("data/exchange_info.json has no list of symbols: restore the file")
    return {entry["symbol"]: entry for entry in entries}


def coin_of(symbol: str) -> Coin:
    """Return the coin traded as `symbol`.

    Raises:
        ValueError: The simulated market does not know the symbol.
    """
    if symbol == UNICODE_SYMBOL or _MADE_UP.fullmatch(symbol):
        return _coin(symbol, _MADE_UP_TRAITS, *_MADE_UP_SIZES)
    if symbol not in _TRAITS:
        known = ", ".join(DEFAULT_SYMBOLS)
        raise ValueError(f"unknown symbol {symbol}: the simulated exchange knows {known}")
    return _coin(symbol, _TRAITS[symbol], *_sizes(symbol))


def _coin(
    symbol: str, traits: tuple[str, float, float, float, float, float, int], tick: int, step: int
) -> Coin:
    listed, level, volatility, reversion, volume, share, quiet = traits
    return Coin(
        symbol=symbol,
        listed=date.fromisoformat(listed),
        level=level,
        daily_volatility=volatility,
        reversion=reversion,
        minute_volume=volume,
        share=share,
        quiet_minutes=quiet,
        tick_e8=tick,
        step_e8=step,
    )


def _sizes(symbol: str) -> tuple[int, int]:
    filters = symbol_infos()[symbol]["filters"]
    if not isinstance(filters, list):
        raise TypeError(f"data/exchange_info.json: {symbol} has no filters: restore the file")
    named = {entry["filterType"]: entry for entry in filters}
    tick, step = named["PRICE_FILTER"]["tickSize"], named["LOT_SIZE"]["stepSize"]
    return int(tick.replace(".", "")), int(step.replace(".", ""))
