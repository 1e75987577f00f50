"""Checks whether enough of a symbol's history is stored to predict from, and waits for it."""

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass

from processors.history import History
from processors.predictor.anchor import anchor_of
from schemas.errors import Transient
from schemas.settings import Settings
from schemas.since import since_ms
from schemas.timeframe import MINUTE_MS, Interval

RECENT_MS = 28 * 3_600_000  # a day of cases, after which an interval is not cold, and some more
NEWEST_MINUTES = 15  # a gap in these would make predictions doubtful
ENOUGH = 0.99  # the exchange's own history may lack a few minutes
PATIENCE_S = 60.0
_POLL_S = 0.5
# The first live candle is of the candle before the one in which the backfill counts its days back.
_LEAD_MS = 2 * Interval.FIFTEEN_MINUTES.ms


@dataclass(frozen=True, slots=True)
class Stored:
    """Stored 1m candles before some candle.

    Attributes:
        total: Number of stored minutes since the anchor, as a replay reads them.
        total_share: Share of the minutes since then, as far as they are fetched, 0 to 1.
        recent_share: Share of the last 28 hours, as far as they are fetched, 0 to 1.
        newest: Number of stored minutes in the last quarter of an hour, 0 to 15.
    """

    total: int = 0
    total_share: float = 0.0
    recent_share: float = 0.0
    newest: int = 0

    @property
    def is_recent(self) -> bool:
        """Whether this is enough to start predicting."""
        return self.recent_share >= ENOUGH and self.newest == NEWEST_MINUTES

    @property
    def is_all(self) -> bool:
        """Whether the whole history since the anchor is stored."""
        return self.total_share >= ENOUGH

    def adds_to(self, bars: int) -> bool:
        """Return whether a replay is worthwhile for a state that knows ``bars`` candles."""
        return self.total > bars and (self.is_all or (self.is_recent and self.total > 2 * bars))


class Stock:
    """Counts the stored minutes of a symbol's history."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings.clickhouse
        self._since = settings.backfill.since
        self._turn = asyncio.Lock()  # one query at a time

    async def wait(self, symbol: str, until_ms: int) -> Stored:
        """Wait for the last 28 hours, at most a minute, and return what is stored by then."""
        deadline_s = time.monotonic() + PATIENCE_S
        while True:
            stored = await self.look(symbol, until_ms)
            if stored.is_recent or time.monotonic() > deadline_s:
                return stored
            await asyncio.sleep(_POLL_S)

    async def look(self, symbol: str, until_ms: int) -> Stored:
        """Return what is stored; zeros if ClickHouse does not answer."""
        async with self._turn:
            with suppress(Transient):
                return await asyncio.to_thread(self._count, symbol, until_ms)
        return Stored()

    def _count(self, symbol: str, until_ms: int) -> Stored:
        newest_ms = until_ms - NEWEST_MINUTES * MINUTE_MS
        with History(self._settings) as history:
            # Of the time before that nothing will come, so nobody waits for it.
            fetched_ms = since_ms(self._since, now_ms=until_ms) + _LEAD_MS
            begun_ms = min(max(fetched_ms, history.listed_ms(symbol)), newest_ms)
            anchor_ms = anchor_of(until_ms)
            since = [max(ms, begun_ms) for ms in (anchor_ms, until_ms - RECENT_MS)]
            total, fetched, recent, newest = history.minutes(
                symbol, since_ms=(anchor_ms, *since, newest_ms), until_ms=until_ms
            )
        wanted = [(until_ms - ms) // MINUTE_MS for ms in since]
        return Stored(total, fetched / wanted[0], recent / wanted[1], newest)
