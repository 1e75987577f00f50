"""The inside of minutes: at most sixty points, each with a price, a side and a run of trades.

All values of a kline follow from the points, without making the trades.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from candlewick.exchange.market.days import MOST_FILLS
from candlewick.exchange.market.minute_plan import Skeleton
from candlewick.exchange.market.random_by_address import I64, U64, key_of, lane, words

POINTS: Final = 60
_INDEX: Final = np.arange(POINTS, dtype=np.int64)[:, None]
_PERIOD_BITS: Final = 8
_PERIOD: Final = 1 << _PERIOD_BITS
# Volumes stay below 2^31 steps, sums of weights below 2^19 and prices below 2^40 ticks: with these
# fractional bits every product fits into 63.
_SHARE_BITS: Final = 12
_SLOPE_BITS: Final = 16
_JITTER_BITS: Final = 18
# Out of 65,536: takers buy 56 % of the points while the price rises, and 43 % while it falls.
_BOUGHT_RISING: Final = 37_000
_BOUGHT_FALLING: Final = 28_500


@dataclass(frozen=True, slots=True)
class Fills:
    """The number of trades in each aggregate: a pattern of 256 aggregates that repeats.

    Attributes:
        edges: 257 cumulative sums, from 0 to the trades of one period.
    """

    edges: I64

    def first_trade_id(self, agg_id: I64) -> I64:
        """Return the id of the first trade of each aggregate."""
        found: I64 = self.edges[agg_id & (_PERIOD - 1)]
        # Shifts, as 64-bit divisions take ten times as long.
        found += (agg_id >> _PERIOD_BITS) * self.edges[-1]
        return found

    def agg_id_of(self, trade_id: int) -> int:
        """Return the id of the aggregate of a trade."""
        period, place = divmod(trade_id, int(self.edges[-1]))
        return period * _PERIOD + int(np.searchsorted(self.edges, place, side="right")) - 1


@dataclass(frozen=True, slots=True)
class Points:
    """The points of m minutes, as arrays of 60 rows and m columns.

    Minutes are columns because NumPy is ten times as fast along them as along sixty points.

    Attributes:
        price: Price in ticks.
        volume: Volume in steps, without the rest of a minute's volume below one step.
        bought: True if the taker bought.
        agg_edges: 61 rows, m columns: aggregate ids at which the points begin and end.
        used: m numbers: points that have trades.
    """

    price: I64
    volume: I64
    bought: NDArray[np.bool_]
    agg_edges: I64
    used: I64


def fills_of(seed: int, symbol: str) -> Fills:
    """Return the fills of one symbol: mostly one trade an aggregate, sometimes up to twelve."""
    drawn = words(key_of(seed, symbol, "fills"), np.arange(_PERIOD, dtype=np.int64))
    few = 1 + lane(drawn, 0, 2) // 3 + lane(drawn, 8, 4) // 15
    many = lane(drawn, 16, 5) // 31 * (lane(drawn, 24, 4) % (MOST_FILLS - 2))
    return Fills(np.concatenate([[0], np.cumsum(few + many)]))


def points_of(minutes: Skeleton, first_agg_ids: I64, fills: Fills, key: int) -> Points:
    """Return the points of every minute.

    Args:
        minutes: Plan of m minutes.
        first_agg_ids: First aggregate id of each minute.
        fills: Fills of the symbol.
        key: Random key of the symbol's points.
    """
    used = np.minimum(minutes.aggregates, POINTS)
    rows = minutes.first_minute + np.arange(len(minutes), dtype=np.int64)
    noise = words(key, rows * POINTS + _INDEX)
    inside = used > _INDEX
    runs = _shares(minutes.aggregates - used, (lane(noise, 16, 10) + 16) * inside)
    runs += inside
    edges = _summed(first_agg_ids, runs)
    trade_ids = fills.first_trade_id(edges)
    spare = minutes.volume - (trade_ids[-1] - trade_ids[0])
    volume = _shares(spare, (lane(noise, 26, 12) + 64) * inside)
    volume += trade_ids[1:]  # at least one step a fill
    volume -= trade_ids[:-1]
    price, rising = _prices(minutes, used, noise)
    drawn = lane(noise, 48, 16)
    bought = (drawn < _BOUGHT_FALLING) | (rising & (drawn < _BOUGHT_RISING))
    return Points(price, volume, bought, edges, used)


def _summed(start: I64, parts: I64) -> I64:
    edges = np.empty((len(parts) + 1, len(start)), np.int64)
    edges[0] = start
    for at, part in enumerate(parts):  # np.cumsum is slow along the first axis
        np.add(edges[at], part, out=edges[at + 1])
    return edges


def _shares(total: I64, weight: I64) -> I64:
    # Integers in proportion to the weights; one factor replaces a division for each.
    edges = _summed(np.zeros_like(total), weight)
    whole = np.maximum(edges[-1], 1)
    full = edges == whole
    edges *= (total << _SHARE_BITS) // whole
    edges >>= _SHARE_BITS
    np.copyto(edges, total, where=full)
    return edges[1:] - edges[:-1]


def _prices(minutes: Skeleton, used: I64, noise: U64) -> tuple[I64, NDArray[np.bool_]]:
    # A line from the open to one extreme, to the other and to the close, with noise in between.
    low, high, start, end = minutes.low, minutes.high, minutes.open, minutes.close
    last = np.maximum(used - 1, 3)  # four prices must occur: open, both extremes, close
    middle = (last + 1) // 2
    first = 1 + lane(noise[0], 0, 16) % (middle - 1)
    second = middle + lane(noise[1], 0, 16) % (last - middle)
    down_first = np.where(end == start, lane(noise[2], 0, 1), end > start) > 0
    near, far = np.where(down_first, low, high), np.where(down_first, high, low)
    legs = ((0 * first, start, first, near), (first, near, second, far), (second, far, last, end))
    lines = [_line(*leg) for leg in legs]
    before, between = first > _INDEX, second > _INDEX
    slope, base = (_of_legs(before, between, *values) for values in zip(*lines, strict=True))
    rising = slope > 0
    slope *= _INDEX
    slope += base
    slope >>= _SLOPE_BITS
    price = lane(noise, 0, 16)
    price -= 32_768
    price *= high - low
    price >>= _JITTER_BITS
    price += slope
    np.minimum(np.maximum(price, low, out=price), high, out=price)
    columns = np.arange(len(minutes))
    # Rounding and noise may have missed these prices, which a kline must have exactly.
    for at, knot in ((0 * first, start), (first, near), (second, far), (last, end)):
        price[at, columns] = knot
    return price, rising


def _of_legs(
    before: NDArray[np.bool_], between: NDArray[np.bool_], one: I64, two: I64, three: I64
) -> I64:
    found = np.empty(before.shape, np.int64)
    found[:] = three
    np.copyto(found, two, where=between)
    np.copyto(found, one, where=before)  # the first point of the second leg is not before it
    return found


def _line(from_at: I64, from_price: I64, to_at: I64, to_price: I64) -> tuple[I64, I64]:
    slope: I64 = ((to_price - from_price) << _SLOPE_BITS) // (to_at - from_at)
    return slope, (from_price << _SLOPE_BITS) - slope * from_at
