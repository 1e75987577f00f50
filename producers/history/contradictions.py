"""15m candles that their 1m candles do not make: who is asked next, and what is told. Pure.

The exchange publishes both, so one of them is wrong. REST is asked first, then the daily archive.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from schemas.history import CheckState, CrossCheck
from schemas.market import CandleSource
from schemas.timeframe import DAY_MS

MOST_TOLD: Final = 20  # contradictions of a day in a reason


class Ask(StrEnum):
    """Who is asked next for both, the 15m candle and its minutes."""

    REST = "REST"
    DAILY = "the daily archive"
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class Contradiction:
    """A 15m candle that differs from what its minutes make.

    Attributes:
        differs: Names of the fields.
        said: Their values in the 15m candle.
        made: Their values from the minutes.
        source: Where the 15m candle comes from.
        minute_sources: Where its minutes come from.
        all_sources: All sources that have one of these candles.
    """

    open_ms: int
    differs: Sequence[str]
    said: Sequence[str]
    made: Sequence[str]
    source: str
    minute_sources: Sequence[str]
    all_sources: Sequence[str]

    @property
    def next(self) -> Ask:
        """Return who is asked next: each source once."""
        if {self.source, *self.minute_sources} != {CandleSource.REST}:
            return Ask.REST
        return Ask.NOBODY if CandleSource.ARCHIVE_DAILY in self.all_sources else Ask.DAILY

    @property
    def told(self) -> str:
        """Return it for people."""
        when = f"{datetime.fromtimestamp(self.open_ms // 1000, UTC):%H:%M}"
        rows = zip(self.differs, self.said, self.made, strict=True)
        fields = "; ".join(f"{name} {said}, its minutes make {made}" for name, said, made in rows)
        return f"{when} ({self.source}, minutes {' and '.join(self.minute_sources)}): {fields}"


@dataclass(frozen=True, slots=True)
class Day:
    """A day of a symbol that is compared.

    Attributes:
        seen_ms: When the newest of its candles was stored, by the store's clock.
        compared: 15m candles whose minutes are all there.
        before: The reason of the comparison before, if that differed; else empty.
    """

    symbol: str
    open_ms: int
    seen_ms: int
    compared: int
    contradictions: Sequence[Contradiction]
    before: str


def checked(day: Day, *, now_ms: int) -> CrossCheck:
    """Return what came of the comparison of a day."""
    found = day.contradictions
    told = [one.told for one in found[:MOST_TOLD]]
    if len(found) > MOST_TOLD:
        told.append(f"and {len(found) - MOST_TOLD} more")
    told += dict.fromkeys(_next_told(one.next) for one in found)
    state = CheckState.DIFFERS if found else CheckState.MENDED if day.before else CheckState.AGREES
    return CrossCheck(
        symbol=day.symbol,
        open_ms=day.open_ms,
        close_ms=day.open_ms + DAY_MS,
        state=state.value,
        compared=day.compared,
        differing=len(found),
        seen_ms=day.seen_ms,
        checked_ms=now_ms,
        reason=". ".join(told) if found else day.before,
    )


def _next_told(ask: Ask) -> str:
    if ask is Ask.NOBODY:
        return "REST and the daily archive do not settle it"
    return f"asked for again: {ask.value}"
