"""From which candle a symbol's predictions are built, now and after any restart. Pure.

A state is what the candles since its anchor have made of it. The anchor moves once a week, for a
process that runs on as for one that starts, so both predict the same, bit for bit, and a start
never has more than two weeks to replay.
"""

from itertools import pairwise

from schemas.market import Candle
from schemas.timeframe import DAY_MS

_WEEK_MS = 7 * DAY_MS
_MONDAY_MS = 4 * DAY_MS  # 1970-01-05 was the first Monday
_LEAST_MS = _WEEK_MS


def anchor_of(open_ms: int) -> int:
    """Return the Monday, 00:00 UTC, that lies one to two weeks before a candle."""
    reached = open_ms - _LEAST_MS - _MONDAY_MS
    return reached - reached % _WEEK_MS + _MONDAY_MS


def is_whole(candles: list[Candle], *, from_ms: int, until_ms: int) -> bool:
    """Tell whether the candles fill ``[from_ms, until_ms)`` without a hole; they are in order."""
    if not candles or candles[0].open_ms > from_ms or candles[-1].close_ms < until_ms:
        return False
    return all(b.open_ms == a.close_ms for a, b in pairwise(candles))
