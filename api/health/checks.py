"""What is well, what is starting and what is down, judged from what was seen. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from api.health.lag import API, Lag
from api.health.stored import Stored
from schemas import topics
from schemas.api_settings import HealthSettings
from schemas.timeframe import MINUTE_MS

MINUTE_S: Final = MINUTE_MS / 1000
# Those that must never stand still; a training or a Grafana that is away may hold others up.
FLOWING: Final = (
    "candlewick-sinks",
    "candlewick-sinks-history",
    topics.CANDLE_APP,
    topics.PREDICTION_APP,
    API,
)
ALWAYS_MOVING: Final = ("trades", "candles_live", "predictions")  # of all symbols together
EACH_MINUTE: Final = "candles"  # of each symbol, quiet ones too


class State(StrEnum):
    """How something does."""

    OK = "ok"
    STARTING = "starting"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class Check:
    """How one part does.

    Attributes:
        reason: Why it does not work, or not yet; None while it does.
        took_ms: How long the answer took; None where nothing was asked.
    """

    name: str
    state: State = State.OK
    reason: str | None = None
    took_ms: float | None = None

    @property
    def is_ok(self) -> bool:
        """Whether it works, or may still come."""
        return self.state is not State.DOWN


@dataclass(frozen=True, slots=True)
class Judge:
    """Says what an age means.

    Attributes:
        limits: When data is old.
        up_s: For how long this process has run: what is older than it is old since its start,
            so that a stack that starts again is not called down for the time it was off.
    """

    limits: HealthSettings
    up_s: float

    def of_age(self, name: str, age_s: float | None, limit_s: float, words: str) -> Check:
        """Judge the newest of something that always moves.

        Args:
            name: Of the check.
            age_s: How old it is; None where there is none.
            limit_s: How old it may be.
            words: What it is, for the reason: "nothing new of BTCUSDT".
        """
        if age_s is None:
            state = State.DOWN if self.up_s > self.limits.start_s else State.STARTING
            return Check(name, state, f"{words} yet")
        if min(age_s, self.up_s) > limit_s:
            return Check(name, State.DOWN, f"{words} for {age_s:.0f} s")
        return Check(name)

    def of_stored(self, rows: Sequence[Stored]) -> Check:
        """Judge what was stored: that of a minute by symbol, the rest of all symbols together."""
        found = [self._of_table(table, rows) for table in ALWAYS_MOVING]
        found += [
            self.of_age(
                "",
                row.age_s,
                self.limits.stands_s + MINUTE_S,
                f"no {row.table} of {row.symbol} stored",
            )
            for row in rows
            if row.table == EACH_MINUTE
        ]
        return together("stored", found)

    def of_lags(self, lags: Iterable[Lag]) -> Check:
        """Judge the groups: one that does not move though records wait is down."""
        return together("groups", [self._of_lag(lag) for lag in lags if lag.group in FLOWING])

    def _of_table(self, table: str, rows: Sequence[Stored]) -> Check:
        ages = [row.age_s for row in rows if row.table == table and row.age_s is not None]
        return self.of_age("", min(ages, default=None), self.limits.stands_s, f"no {table} stored")

    def _of_lag(self, lag: Lag) -> Check:
        words = (
            f"{lag.group} has not moved on in {lag.topic} for {lag.standing_s:.0f} s, and "
            f"{lag.records} records wait"
        )
        if lag.standing_s <= self.limits.stands_s:
            return Check("")
        if not lag.has_moved and self.up_s <= self.limits.start_s:
            return Check("", State.STARTING, words)
        return Check("", State.DOWN, words)


def together(name: str, checks: Sequence[Check]) -> Check:
    """Return several checks as one: the worst state, and the reasons for it."""
    for state in (State.DOWN, State.STARTING):
        reasons = [check.reason or "" for check in checks if check.state is state]
        if reasons:
            return Check(name, state, "; ".join(reasons))
    return Check(name)


def worst(checks: Iterable[Check]) -> State:
    """Return the worst state of all."""
    states = {check.state for check in checks}
    return next((s for s in (State.DOWN, State.STARTING) if s in states), State.OK)
