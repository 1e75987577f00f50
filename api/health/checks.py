"""Judges from observations which parts are healthy, starting or down. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from api.health.lag import API, Lag
from api.health.stored import Stored
from schemas import topics
from schemas.api_settings import HealthSettings
from schemas.timeframe import MINUTE_MS

MINUTE_S: Final = MINUTE_MS / 1000
# Groups that must never stop; a training, or Grafana being down, may delay the others.
FLOWING: Final = (
    "candlewick-sinks",
    "candlewick-sinks-history",
    topics.CANDLE_APP,
    topics.PREDICTION_APP,
    API,
)
ALWAYS_MOVING: Final = ("trades", "candles_live", "predictions")  # judged over all symbols
EACH_MINUTE: Final = "candles"  # judged by symbol: quiet ones have a candle each minute too


class State(StrEnum):
    """State of a part."""

    OK = "ok"
    STARTING = "starting"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class Check:
    """Result of checking one part.

    Attributes:
        reason: Why it is down or still starting; None while it works.
        took_ms: How long the answer took, in milliseconds; None if the check asks nothing.
    """

    name: str
    state: State = State.OK
    reason: str | None = None
    took_ms: float | None = None

    @property
    def is_ok(self) -> bool:
        """Whether it works or is still starting."""
        return self.state is not State.DOWN


@dataclass(frozen=True, slots=True)
class Judge:
    """Turns ages and lags into checks.

    Attributes:
        limits: The ages from which data counts as old.
        up_s: How long this process has run, in seconds. Ages count from its start, so that a stack
            that was off is not reported as down when it starts again.
        traded_s: How long each symbol has been traded while this process ran, in seconds; a symbol
            that is added, or trades again, begins anew.
    """

    limits: HealthSettings
    up_s: float
    traded_s: Mapping[str, float] = field(default_factory=dict)

    def of_age(self, name: str, age_s: float | None, limit_s: float, words: str) -> Check:
        """Judge data that is always changing by the age of the newest item.

        Args:
            name: Name of the check.
            age_s: Age in seconds; None if there is no item.
            limit_s: Largest age allowed, in seconds.
            words: Text for the reason, for example "nothing new of BTCUSDT".
        """
        return self._of_age(name, age_s, limit_s, words, up_s=self.up_s)

    def of_symbol(self, symbol: str, age_s: float | None, limit_s: float, words: str) -> Check:
        """Judge a symbol's data as `of_age` does, from when the symbol is traded."""
        up_s = min(self.up_s, self.traded_s.get(symbol, self.up_s))
        return self._of_age("", age_s, limit_s, words, up_s=up_s)

    def of_stored(self, rows: Sequence[Stored]) -> Check:
        """Judge the stored rows: 1m candles by symbol, other tables over all symbols."""
        found = [self._of_table(table, rows) for table in ALWAYS_MOVING]
        found += [
            self.of_symbol(
                row.symbol,
                row.age_s,
                self.limits.stands_s + MINUTE_S,
                f"no {row.table} of {row.symbol} stored",
            )
            for row in rows
            if row.table == EACH_MINUTE
        ]
        return together("stored", found)

    def of_lags(self, lags: Iterable[Lag]) -> Check:
        """Judge the groups: one that makes no progress although records wait is down."""
        return together("groups", [self._of_lag(lag) for lag in lags if lag.group in FLOWING])

    def of_notifications(self, lags: Iterable[Lag], trouble: str) -> Check:
        """Judge the notifications: down where a target fails, or events are not read.

        Args:
            lags: Lags of all groups.
            trouble: Text of the process about targets that fail; empty if none does.
        """
        own = [self._of_lag(lag) for lag in lags if lag.group == topics.NOTIFY_GROUP]
        told = [Check("", State.DOWN, trouble)] if trouble else []
        return together("notify", [*told, *own])

    def _of_age(
        self, name: str, age_s: float | None, limit_s: float, words: str, *, up_s: float
    ) -> Check:
        if age_s is None:
            state = State.DOWN if up_s > self.limits.start_s else State.STARTING
            return Check(name, state, f"{words} yet")
        if min(age_s, up_s) > limit_s:
            return Check(name, State.DOWN, f"{words} for {age_s:.0f} s")
        return Check(name)

    def _of_table(self, table: str, rows: Sequence[Stored]) -> Check:
        ages = [row.age_s for row in rows if row.table == table and row.age_s is not None]
        return self.of_age("", min(ages, default=None), self.limits.stands_s, f"no {table} stored")

    def _of_lag(self, lag: Lag) -> Check:
        words = (
            f"{lag.group} has made no progress in {lag.topic} for {lag.standing_s:.0f} s, and "
            f"{lag.records} records are waiting"
        )
        if lag.standing_s <= self.limits.stands_s:
            return Check("")
        if not lag.has_moved and self.up_s <= self.limits.start_s:
            return Check("", State.STARTING, words)
        return Check("", State.DOWN, words)


def together(name: str, checks: Sequence[Check]) -> Check:
    """Combine several checks into one with the worst state and its reasons."""
    for state in (State.DOWN, State.STARTING):
        reasons = [check.reason or "" for check in checks if check.state is state]
        if reasons:
            return Check(name, state, "; ".join(reasons))
    return Check(name)


def worst(checks: Iterable[Check]) -> State:
    """Return the worst state of all checks."""
    states = {check.state for check in checks}
    return next((s for s in (State.DOWN, State.STARTING) if s in states), State.OK)
