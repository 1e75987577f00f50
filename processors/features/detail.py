"""A closer look at the variance, for models that are trained on months of candles.

These features are added to those of `processors.features.features` under names of their own, and
only for models that ask for them. The answers of all other models do not depend on them.

Source: Garman and Klass, "On the estimation of security price volatilities from historical data",
Journal of Business 53 (1980); Barndorff-Nielsen and Shephard, "Power and bipower variation with
stochastic volatility and jumps", Journal of Financial Econometrics 2 (2004); Barndorff-Nielsen,
Kinnebrock and Shephard, "Measuring downside risk: realised semivariance" (2010).
"""

import hashlib
from collections import deque
from math import exp, log, pi, sqrt

from processors.features.ewma import Moving
from processors.features.extremes import Extremes
from processors.features.features import (
    CENTRE,
    FEATURES_HASH,
    TINY,
    VARIANCE_FLOOR,
    VOLATILITY,
    Features,
    clipped,
)
from processors.features.observation import Bar, garman_klass
from processors.features.season import DAY_MS, HOUR_MINUTES, SLOT_MS
from schemas.timeframe import MINUTE_MS

# Half-lives and windows in minutes.
_SQUARES = (5.0, 15.0, 60.0, 240.0, 1440.0)  # of squared returns: the target is made of them
_RANGES = (1.0, 3.0, 5.0, 60.0, 360.0, 1440.0, 4320.0)
_FALLS = (60.0, 240.0)
_JUMPS = (240.0,)
_LOGS = (20.0, 240.0)
_PRICES = (*_SQUARES, *_RANGES, *_FALLS, *_JUMPS, *_LOGS)
_TRADES = (1.0, 1440.0, 240.0, 1440.0, 240.0)  # number twice, mean size twice, imbalance
_WINDOWS = (60, 1440)
_MOVES = (60, 240)
_HOUR_MS = HOUR_MINUTES * MINUTE_MS
_BIPOWER = pi / 2
_LEAST_SPAN = 1e-6  # keeps the logarithm finite when nothing moves

_VARIANCE_NAMES = (
    *(f"squares_{minutes:.0f}" for minutes in _SQUARES),
    *(f"range_{minutes:.0f}" for minutes in _RANGES),
)
_SHARE_NAMES = (*(f"falls_{minutes:.0f}" for minutes in _FALLS), "smooth_240")
_LOG_NAMES = tuple(f"log_range_{minutes:.0f}" for minutes in _LOGS)
_OF_TRADES = ("trades_1", "size_240", "lopsided_240")
# With each name what does not change from one question to the next.
_PLACES = tuple((f"place_{minutes}", f"span_{minutes}", log(minutes)) for minutes in _WINDOWS)
_WINDOW_NAMES = tuple(name for place, span, _ in _PLACES for name in (place, span))
_MOVED = tuple((f"move_{minutes}", minutes, sqrt(minutes)) for minutes in _MOVES)
_MOVE_NAMES = tuple(name for name, _, _ in _MOVED)
_CANDLE_NAMES = ("move_1", "range_candle", "hour", "minute")
DETAIL_NAMES = (
    *_VARIANCE_NAMES, *_SHARE_NAMES, *_LOG_NAMES, *_WINDOW_NAMES, *_MOVE_NAMES, *_CANDLE_NAMES,
    *_OF_TRADES,
)  # fmt: skip
DETAIL_HASH = hashlib.sha256(repr((FEATURES_HASH, DETAIL_NAMES)).encode()).hexdigest()


class Detail:
    """State of one symbol's detail: some 60 numbers, and the last prices of four hours."""

    __slots__ = (
        "_candle_ms",
        "_candle_variance",
        "_closes",
        "_extremes",
        "_last_return",
        "_minutes",
        "_prices",
        "_trades",
    )

    def __init__(self, bar_minutes: int) -> None:
        self._prices = Moving(_PRICES, step=bar_minutes)
        self._trades = Moving(_TRADES, step=bar_minutes)
        self._extremes = [Extremes(max(minutes // bar_minutes, 1)) for minutes in _WINDOWS]
        self._closes: deque[float] = deque(maxlen=max(_MOVES) // bar_minutes + 1)
        self._minutes = bar_minutes
        self._candle_ms = -1
        self._candle_variance: tuple[float, int] = 0.0, 0
        self._last_return = 0.0

    def add(self, bar: Bar) -> None:
        """Add the next closed candle."""
        candle_ms = bar.open_ms - bar.open_ms % SLOT_MS
        if candle_ms != self._candle_ms:
            self._candle_ms, self._candle_variance = candle_ms, (0.0, 0)
        square, variance = bar.log_return**2 / bar.minutes, garman_klass(bar)
        fall = square if bar.log_return < 0 else 0.0
        smooth = _BIPOWER * abs(bar.log_return * self._last_return) / bar.minutes
        level = log(variance + VARIANCE_FLOOR)
        self._prices.add_each(
            (
                square, square, square, square, square,
                variance, variance, variance, variance, variance, variance, variance,
                fall, fall, smooth, level, level,
            )
        )  # fmt: skip
        if bar.trades is not None and bar.imbalance is not None:
            size = bar.volume / bar.trades
            self._trades.add_each((bar.trades, bar.trades, size, size, abs(bar.imbalance)))
        for extremes in self._extremes:
            extremes.add(bar.high, bar.low)
        total, count = self._candle_variance
        self._candle_variance = total + variance, count + 1
        self._closes.append(bar.close)
        self._last_return = bar.log_return

    def read(self, x: Features, issued_ms: int) -> Features:
        """Return the detail of a question, by the names of `DETAIL_NAMES`; missing ones are absent.

        Args:
            x: Features of the same moment; log variances are relative to the volatility in them.
            issued_ms: When the question is asked, the end of the last candle.
        """
        if not self._closes:
            return {}
        usual = x.get(VOLATILITY, 0.0)
        centre = CENTRE - usual
        averages = self._prices.values
        logs = [log(average + VARIANCE_FLOOR) for average in averages[: len(_VARIANCE_NAMES)]]
        found = {n: lg + centre for n, lg in zip(_VARIANCE_NAMES, logs, strict=True)}
        self._add_shares(found, logs)
        for name, level in zip(_LOG_NAMES, averages[-len(_LOG_NAMES) :], strict=True):
            found[name] = level + centre
        self._add_places(found, centre)
        self._add_moves(found, exp((usual - CENTRE) / 2), x)
        total, count = self._candle_variance
        if count and self._candle_ms == issued_ms - issued_ms % SLOT_MS:
            found["range_candle"] = log(total / count + VARIANCE_FLOOR) + centre
        found["hour"] = issued_ms % DAY_MS / _HOUR_MS
        found["minute"] = float(issued_ms % _HOUR_MS // MINUTE_MS)
        if self._trades.count:
            trades, usual_trades, size, usual_size, lopsided = self._trades.values
            found["trades_1"] = clipped(log((trades + TINY) / (usual_trades + TINY)))
            found["size_240"] = clipped(log((size + TINY) / (usual_size + TINY)))
            found["lopsided_240"] = lopsided
        return found

    def _add_shares(self, found: Features, logs: list[float]) -> None:
        """Add the share of falls in the variance, and of what is no jump."""
        squares = self._prices.values[: len(_SQUARES)]
        fall_60, fall_240, smooth = self._prices.values[len(_VARIANCE_NAMES) :][:3]
        found["falls_60"] = fall_60 / (squares[2] + TINY)
        found["falls_240"] = fall_240 / (squares[3] + TINY)
        found["smooth_240"] = log(smooth + VARIANCE_FLOOR) - logs[3]

    def _add_places(self, found: Features, centre: float) -> None:
        """Add where the price is in the range of the last hour and day, and how wide that is."""
        price = self._closes[-1]
        for (place_name, span_name, length), extremes in zip(_PLACES, self._extremes, strict=True):
            low = extremes.lowest
            span = log(extremes.highest / low) + _LEAST_SPAN
            found[place_name] = log(price / low) / span
            found[span_name] = 2 * log(span) - length + centre

    def _add_moves(self, found: Features, usual: float, x: Features) -> None:
        closes = self._closes
        for name, minutes, root in _MOVED:
            ago = min(minutes // self._minutes, len(closes) - 1)
            found[name] = clipped(log(closes[-1] / closes[-1 - ago]) / usual / root)
        found["move_1"] = abs(x.get("return_1", 0.0))
