"""The 1,440 minutes of one symbol's day, generated or recorded."""

from typing import Final

import numpy as np

from candlewick.exchange.market.coins import E8, Coin
from candlewick.exchange.market.intervals import DAY_MINUTES
from candlewick.exchange.market.minute_plan import Skeleton
from candlewick.exchange.market.price_path import Path
from candlewick.exchange.market.random_by_address import F64, I64, U64, key_of, lane, normals, words
from candlewick.exchange.market.recorded import Recorded

# First, highest, lowest and last price need a trade each.
NEEDED: Final = 4
# Largest number of fills in a trade; each fill has at least one step of volume.
MOST_FILLS: Final = 12
_MINUTES: Final = np.arange(DAY_MINUTES, dtype=np.int64)


def season() -> F64:
    """Return the activity of each minute of a UTC day, with a mean of one.

    It peaks at the openings of Europe and America, and is lowest before Asia opens.
    """
    hours = _MINUTES / 60.0
    humps = 0.45 * np.exp(-(((hours - 14.5) / 3.0) ** 2)) + 0.2 * np.exp(-(((hours - 8) / 2) ** 2))
    shape = 0.75 + humps + 0.15 * np.cos((hours - 1.0) / 24.0 * 2 * np.pi)
    return np.asarray(shape / shape.mean(), dtype=np.float64)


def day_total(coin: Coin, seed: int, rate: float, days: I64) -> I64:
    """Return the number of aggregate trades of each generated day.

    Args:
        coin: Coin of the symbol, with its share of `rate`.
        seed: Seed of the market.
        rate: Aggregate trades a second of the whole default market.
        days: Days since 1970-01-01.
    """
    factor = np.exp(0.25 * normals(words(key_of(seed, coin.symbol, "day-count"), days)))
    wished = (rate * coin.share * 86_400 * factor).astype(np.int64)
    return np.maximum(wished, NEEDED * (DAY_MINUTES - coin.quiet_minutes))


def generated_day(coin: Coin, seed: int, path: Path, day: int, rate: float) -> Skeleton:
    """Return one day of the generated market."""
    first = day * DAY_MINUTES
    noise = words(key_of(seed, coin.symbol, "minute"), _MINUTES + first)
    active = _active(coin, noise)
    activity = _activity(coin, seed, day) * active
    sigma = activity / np.sqrt(
        np.sum(activity**2)
    )  # each minute's share of the day's variance: squares sum to 1
    shock = normals(words(key_of(seed, coin.symbol, "minute-return"), _MINUTES + first))
    volatility = float(path.volatility[day - path.first_day])
    close = _closes(path, day, sigma, sigma * shock * volatility)
    open_ = np.concatenate([path.boundary[[day - path.first_day]], close[:-1]])
    reach = sigma * volatility * close * 0.7
    total = int(day_total(coin, seed, rate, np.array([day]))[0])
    weight = (activity * (0.4 + np.abs(shock)) * 4096).astype(np.int64) + active
    aggregates = NEEDED * active + _parts(total - NEEDED * int(active.sum()), weight)
    wished = coin.minute_volume * E8 / coin.step_e8 * activity**2
    volume = (wished * (0.3 + shock**2) * np.exp(0.5 * normals(noise))).astype(np.int64)
    return Skeleton(
        first_minute=first,
        open=open_,
        high=np.maximum(open_, close) + (reach * lane(noise, 0, 16) / 65536).astype(np.int64),
        low=np.maximum(
            np.minimum(open_, close) - (reach * lane(noise, 16, 16) / 65536).astype(np.int64), 1
        ),
        close=close,
        volume=np.maximum(volume * active, aggregates * MOST_FILLS),
        rest_e8=np.zeros(DAY_MINUTES, np.int64),
        aggregates=aggregates,
    )


def recorded_day(coin: Coin, recorded: Recorded, day: int, rate: float) -> Skeleton:
    """Return one day of real candles, with as many trades as the rate and the volume allow."""
    start = (day - recorded.first_day) * DAY_MINUTES
    rows = slice(start, start + DAY_MINUTES)
    volume, rest = np.divmod(recorded.volume_e8[rows], coin.step_e8)
    wished = (rate * coin.share * 60 * recorded.activity[rows]).astype(np.int64)
    aggregates = np.where(volume > 0, np.clip(wished, NEEDED, volume // MOST_FILLS), 0)
    return Skeleton(
        first_minute=day * DAY_MINUTES,
        open=recorded.open[rows],
        high=recorded.high[rows],
        low=recorded.low[rows],
        close=recorded.close[rows],
        volume=volume,
        rest_e8=rest,
        aggregates=aggregates,
    )


def _active(coin: Coin, noise: U64) -> I64:
    active = np.ones(DAY_MINUTES, np.int64)
    if coin.quiet_minutes:
        active[np.argsort(noise, kind="stable")[: coin.quiet_minutes]] = 0
    return active


def _activity(coin: Coin, seed: int, day: int) -> F64:
    # Clusters of activity: noise every four hours and every half hour, interpolated in between.
    logs = np.zeros(DAY_MINUTES)
    for minutes, size in ((240, 0.35), (30, 0.25)):
        points = DAY_MINUTES // minutes
        at = np.arange(points + 1, dtype=np.int64) + day * points
        drawn = normals(words(key_of(seed, coin.symbol, f"activity-{minutes}"), at))
        logs += size * np.interp(_MINUTES / minutes, np.arange(points + 1), drawn)
    return np.asarray(season() * np.exp(logs), dtype=np.float64)


def _closes(path: Path, day: int, sigma: F64, returns: F64) -> I64:
    start, end = (float(v) for v in path.boundary[day - path.first_day :][:2])
    walked = np.cumsum(returns)
    done = np.cumsum(sigma**2)
    # A Brownian bridge: the walk's error at the end of the day is corrected in proportion to the
    # variance passed.
    logs = walked + (np.log(end / start) - walked[-1]) * done / done[-1]
    close: I64 = np.maximum(np.rint(start * np.exp(logs)), 1).astype(np.int64)
    # Rounding must not separate the last price of the day from the next day's first.
    close[int(np.flatnonzero(sigma)[-1]) :] = int(end)
    return close


def _parts(total: int, weight: I64) -> I64:
    edges = np.concatenate([[0], np.cumsum(weight)])
    # Differences of rounded sums, not rounded parts: they add up to the total.
    parts: I64 = np.diff(total * edges // edges[-1])
    return parts
