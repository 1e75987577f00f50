"""The replay anchor: the first candle from which a symbol's state is built. Pure.

A state depends only on the candles since its anchor. The anchor moves once a week, in a running
process as in one that starts. So both predict the same, bit for bit, and a start never replays more
than two weeks.
"""

from itertools import pairwise

from schemas.market import Candle
from schemas.timeframe import DAY_MS

_WEEK_MS = 7 * DAY_MS
_MONDAY_MS = 4 * DAY_MS  # 1970-01-05 was the first Monday
_LEAST_MS = _WEEK_MS


def anchor_of(open_ms: int) -> int:
    """Return the Monday, 00:00 UTC, one to two weeks before a candle, in epoch milliseconds."""
    reached = open_ms - _LEAST_MS - _MONDAY_MS
    return reached - reached % _WEEK_MS + _MONDAY_MS


def is_whole(candles: list[Candle], *, from_ms: int, until_ms: int) -> bool:
    """Return whether candles, oldest first, cover ``[from_ms, until_ms)`` without a gap."""
    if not candles or candles[0].open_ms > from_ms or candles[-1].close_ms < until_ms:
        return False
    return all(b.open_ms == a.close_ms for a, b in pairwise(candles))
