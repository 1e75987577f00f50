"""The models' features at a moment: one function for live use, training and evaluation.

`FeatureState` folds closed candles, and `FeatureState.read` returns the features of the question
"where will the open candle close?" by name. All are centred near zero, so a missing one is neutral.

Source: Corsi, "A simple approximate long-memory model of realized volatility", Journal of
Financial Econometrics 7 (2009); Parkinson (1980); Andersen and Bollerslev (1997).
"""

import hashlib
from math import log, sqrt

from processors.features.ewma import Moving
from processors.features.observation import Bar
from processors.features.season import SLOT_MS, MinuteSeason, SlotSeason
from schemas.timeframe import MINUTE_MS

Features = dict[str, float]
# Minutes, a cascade of horizons after Corsi: the short ones adapt, the long ones remember.
HALF_LIVES = (5.0, 20.0, 60.0, 360.0, 1440.0)
VOLUME_HALF_LIVES = (3.0, 15.0, 60.0, 1440.0)
TRADE_HALF_LIVES = (5.0, 30.0, 1440.0)
POINT_HALF_LIFE = 5.0  # of returns and of the takers' side
HOUR = HALF_LIVES.index(60.0)
CENTRE = 15.5  # minus the log of a usual variance per minute: a move of exp(-15.5 / 2), 4.3 bp
VARIANCE_FLOOR = 4e-10  # (0.2 bp)^2: keeps the logarithm finite when nothing moves
TINY = 1e-12  # keeps the logarithm finite when there are no trades
WIDEST = 8.0  # e^8, 3,000 times the usual: one absurd value must not outweigh all others
QUARTER = 15
VARIANCE_NAMES = tuple(f"variance_{half_life:.0f}" for half_life in HALF_LIVES)
VOLUME_NAMES = tuple(f"volume_{half_life:.0f}" for half_life in VOLUME_HALF_LIVES[:-1])
SEASON_NAMES = ("season", "season_recent", "minute_of_hour")
NAMES = ("bias", *VARIANCE_NAMES, *VOLUME_NAMES, *SEASON_NAMES)
TRADE_NAMES = ("trades_5", "trades_30", "inner_5", "inner_30", "one_sided")
POINT_NAMES = ("return_1", "return_5", "candle_to_date", "flow")
_OF_NUMBER, _OF_INNER = TRADE_NAMES[:2], TRADE_NAMES[2:4]
_VOLUMES = slice(len(HALF_LIVES), len(HALF_LIVES) + len(VOLUME_HALF_LIVES))
_ROOT_QUARTER = sqrt(QUARTER)
KNOWN_NAMES = (*NAMES[1:], *TRADE_NAMES, *POINT_NAMES)  # all that a question may say
VOLATILITY = VARIANCE_NAMES[HOUR]  # the feature that distinguishes calm from storm
FEATURES_HASH = hashlib.sha256(repr((NAMES, TRADE_NAMES, POINT_NAMES)).encode()).hexdigest()


class FeatureState:
    """State of one symbol's features: some 400 numbers."""

    __slots__ = (
        "_bar_minutes",
        "_candle_minutes",
        "_candle_ms",
        "_candle_open",
        "_candle_variance",
        "_hour",
        "_inner",
        "_last_return",
        "_price",
        "_prices",
        "_season",
        "_trades",
        "_until_ms",
    )

    def __init__(self, bar_minutes: int) -> None:
        step = float(bar_minutes)
        self._bar_minutes = bar_minutes
        # Averages that a bar adds to together stand together: that takes half the time.
        self._prices = Moving((*HALF_LIVES, *VOLUME_HALF_LIVES, POINT_HALF_LIFE), step=step)
        self._trades = Moving((*TRADE_HALF_LIVES, POINT_HALF_LIFE), step=step)
        self._inner = Moving(TRADE_HALF_LIVES, step=step)
        self._season = SlotSeason()
        self._hour = MinuteSeason()
        self._candle_ms = self._until_ms = -1
        self._candle_minutes = 0
        self._candle_variance = 0.0
        self._candle_open = self._price = self._last_return = 0.0

    def add(self, bar: Bar) -> None:
        """Add the next closed candle."""
        candle_ms = bar.open_ms - bar.open_ms % SLOT_MS
        if candle_ms != self._candle_ms:
            # A price of before a hole is not the open: what moved in it moved before the candle.
            self._candle_open = self._price if self._until_ms == candle_ms else 0.0
            self._candle_ms = candle_ms
            self._candle_minutes, self._candle_variance = 0, 0.0
        if self._bar_minutes == 1:
            self._hour.learn(bar.open_ms, bar.variance, self._prices.values[HOUR])
        variance, volume = bar.variance, bar.volume
        self._prices.add_each(
            (
                variance, variance, variance, variance, variance,
                volume, volume, volume, volume,
                bar.log_return,
            )
        )  # fmt: skip
        self._last_return, self._price = bar.log_return, bar.close
        self._until_ms = bar.open_ms + bar.minutes * MINUTE_MS
        if bar.trades is not None and bar.imbalance is not None:
            self._trades.add_each((bar.trades, bar.trades, bar.trades, bar.imbalance))
        if bar.inner_variance is not None:
            self._inner.add(bar.inner_variance)
        self._candle_variance += variance * bar.minutes
        self._candle_minutes += bar.minutes
        if self._candle_minutes == QUARTER:
            self._season.learn(candle_ms, self._candle_variance)

    def read(self, issued_ms: int) -> Features:
        """Return the features of the question asked at ``issued_ms``, the end of the last candle.

        The names are `NAMES`, and of `KNOWN_NAMES` those whose data the candles had.
        """
        slot_ms = issued_ms - issued_ms % SLOT_MS
        rest = QUARTER - (issued_ms - slot_ms) // MINUTE_MS
        x = {"bias": 1.0}
        averages = self._prices.values
        for name, variance in zip(VARIANCE_NAMES, averages, strict=False):
            x[name] = log(variance + VARIANCE_FLOOR) + CENTRE
        _add_ratios(x, VOLUME_NAMES, averages[_VOLUMES])
        x["season"] = self._season.at(slot_ms)
        x["season_recent"] = self._season.recent
        x["minute_of_hour"] = self._hour.rest(issued_ms, rest) if self._bar_minutes == 1 else 0.0
        if self._trades.count:
            *trades, flow = self._trades.values
            _add_ratios(x, _OF_NUMBER, trades)
            x["one_sided"] = abs(flow)
        if self._inner.count:
            _add_ratios(x, _OF_INNER, self._inner.values)
        self._add_point(x, started=slot_ms == self._candle_ms)
        return x

    def _add_point(self, x: Features, *, started: bool) -> None:
        averages = self._prices.values
        usual = sqrt(averages[HOUR] + VARIANCE_FLOOR)
        known = started and self._candle_open > 0
        to_date = log(self._price / self._candle_open) if known else 0.0
        x["return_1"] = clipped(self._last_return / usual)
        x["return_5"] = clipped(averages[-1] / usual)
        # Variance grows with time, so a move grows with its root.
        x["candle_to_date"] = clipped(to_date / usual / _ROOT_QUARTER)
        if self._trades.count:
            x["flow"] = self._trades.values[-1]


def _add_ratios(x: Features, names: tuple[str, ...], averages: list[float]) -> None:
    usual = averages[-1] + TINY
    least = TINY * usual
    for name, average in zip(names, averages, strict=False):
        x[name] = clipped(log((average + least) / usual))


def clipped(value: float) -> float:
    """Return a value within the bounds of all features."""
    return value if -WIDEST < value < WIDEST else min(max(value, -WIDEST), WIDEST)
