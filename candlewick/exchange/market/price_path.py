"""The generated market from day to day: prices at midnight and the volatility of each day."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from candlewick.exchange.market.coins import E8, Coin
from candlewick.exchange.market.random_by_address import F64, I64, key_of, normals, words
from candlewick.exchange.market.recorded import Recorded

LAST_DAY: Final = 25_567  # 2040-01-01
_MEMORY: Final = 0.97  # share of yesterday's log volatility that stays: a half-life of 23 days
_SHOCK: Final = 0.10  # standard deviation of a day's shock; 0.41 for the log volatility itself


@dataclass(frozen=True, slots=True)
class Path:
    """Prices at midnight and volatility, by day from `first_day` to `LAST_DAY`.

    Attributes:
        boundary: Price in ticks at the start of each day, and at the end of the last.
        volatility: Standard deviation of each day's log return.
    """

    first_day: int
    boundary: I64
    volatility: F64


def path_of(coin: Coin, seed: int, first_day: int, recorded: Recorded | None) -> Path:
    """Return the path of one coin; it meets the recorded candles at both their ends.

    Source: stochastic volatility with an AR(1) logarithm, Taylor (1986), Modelling Financial
    Time Series, chapter 3; the price reverts slowly to the coin's level.
    """
    days = np.arange(first_day, LAST_DAY, dtype=np.int64)
    volatility = _volatility(coin, seed, days)
    steps = volatility * normals(words(key_of(seed, coin.symbol, "day-return"), days))
    tick = coin.tick_e8 / E8
    if recorded is None:
        logs = _walk(np.log(coin.level), steps, coin)
        return Path(first_day, np.rint(np.exp(logs) / tick).astype(np.int64), volatility)
    head, tail = recorded.first_day - first_day, recorded.end_day - first_day
    # Backwards from the first recorded price, so that the generated days end at it.
    before = _walk(np.log(recorded.open[0] * tick), steps[:head][::-1], coin)[::-1]
    after = _walk(np.log(recorded.close[-1] * tick), steps[tail:], coin)
    inside = np.full(tail - head - 1, before[-1])  # not used: recorded candles replace it
    logs = np.concatenate([before, inside, after])
    return Path(first_day, np.rint(np.exp(logs) / tick).astype(np.int64), volatility)


def _volatility(coin: Coin, seed: int, days: I64) -> F64:
    shocks = _SHOCK * normals(words(key_of(seed, coin.symbol, "day-volatility"), days))
    level, logs = 0.0, np.empty(len(days))
    for index, shock in enumerate(shocks.tolist()):
        level = _MEMORY * level + shock
        logs[index] = level
    return np.asarray(coin.daily_volatility * np.exp(logs), dtype=np.float64)


def _walk(start: float, steps: F64, coin: Coin) -> F64:
    home, at = float(np.log(coin.level)), float(start)
    logs = np.empty(len(steps) + 1)
    logs[0] = at
    for index, step in enumerate(steps.tolist()):
        at += step - coin.reversion * (at - home)
        logs[index + 1] = at
    return logs
