"""Candles of one minute for tests: a market that trembles, or one that does as it is told."""

import random
from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise

from schemas.market import Candle
from tests.support.builders import MINUTE_MS, a_candle

MIDNIGHT_MS = 1_699_920_000_000
E8 = 10**8


def a_minute(open_ms: int, open_e8: int, close_e8: int, *, volume_e8: int = 5 * E8) -> Candle:
    """One minute from one price to another, with the counts that trades leave behind."""
    traded = volume_e8 > 0
    return replace(
        a_candle(open_ms=open_ms),
        open_e8=open_e8,
        high_e8=max(open_e8, close_e8),
        low_e8=min(open_e8, close_e8),
        close_e8=close_e8,
        volume_e8=volume_e8,
        trade_count=4 if traded else 0,
        taker_buy_volume_e8=volume_e8 // 3,
        price_variation_e16=(close_e8 - open_e8) ** 2,
        status="complete" if traded else "quiet",
    )


def minutes_at(prices: Iterable[float], *, start_ms: int = MIDNIGHT_MS) -> list[Candle]:
    """One minute after the other, from each price to the next."""
    ticks = [round(price * 100) * E8 // 100 for price in prices]
    return [
        a_minute(start_ms + i * MINUTE_MS, before, after)
        for i, (before, after) in enumerate(pairwise(ticks))
    ]


def trembling_minutes(count: int, *, seed: int = 1, start_ms: int = MIDNIGHT_MS) -> list[Candle]:
    """A random walk near 1000 with calm and stormy hours."""
    chance = random.Random(seed)
    price, prices = 1000.0, [1000.0]
    for i in range(count):
        price *= 1 + chance.gauss(0, 0.0004 if i // 240 % 2 else 0.0012)
        prices.append(price)
    return minutes_at(prices, start_ms=start_ms)
