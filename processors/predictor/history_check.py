"""Whether the store holds enough of a symbol's past to predict from; waits for it a while."""

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass

from processors.history import History
from processors.predictor.anchor import anchor_of
from schemas.errors import Transient
from schemas.settings import ClickHouseSettings
from schemas.timeframe import MINUTE_MS

RECENT_MS = 28 * 3_600_000  # after a day of cases an interval is not cold
NEWEST_MINUTES = 15  # a gap among them would make predictions doubtful
ENOUGH = 0.99  # the exchange itself may lack a few minutes
PATIENCE_S = 60.0
_POLL_S = 0.5


@dataclass(frozen=True, slots=True)
class Stored:
    """Minutes that are stored of those before a candle; the shares are of those that there are.

    Attributes:
        total: Since the anchor.
        total_share: Likewise.
        recent_share: Of the last 28 hours.
        newest: Of the last quarter of an hour.
    """

    total: int = 0
    total_share: float = 0.0
    recent_share: float = 0.0
    newest: int = 0

    @property
    def is_recent(self) -> bool:
        """Say whether it is enough to begin with."""
        return self.recent_share >= ENOUGH and self.newest == NEWEST_MINUTES

    @property
    def is_all(self) -> bool:
        """Say whether it is all that a state is made of."""
        return self.total_share >= ENOUGH

    def adds_to(self, bars: int) -> bool:
        """Say whether a replay is worth while, with so many candles known."""
        return self.total > bars and (self.is_all or (self.is_recent and self.total > 2 * bars))


class Stock:
    """Asks the store how many minutes of the past it has."""

    def __init__(self, settings: ClickHouseSettings) -> None:
        self._settings = settings
        self._turn = asyncio.Lock()  # a symbol's question waits for another's

    async def wait(self, symbol: str, until_ms: int) -> Stored:
        """Return what is stored once the last hours are there, or after a minute."""
        deadline_s = time.monotonic() + PATIENCE_S
        while True:
            stored = await self.look(symbol, until_ms)
            if stored.is_recent or time.monotonic() > deadline_s:
                return stored
            await asyncio.sleep(_POLL_S)

    async def look(self, symbol: str, until_ms: int) -> Stored:
        """Return what is stored; nothing where the store does not answer."""
        async with self._turn:
            with suppress(Transient):
                return await asyncio.to_thread(self._count, symbol, until_ms)
        return Stored()

    def _count(self, symbol: str, until_ms: int) -> Stored:
        recent_ms = until_ms - RECENT_MS
        since = anchor_of(until_ms), recent_ms, until_ms - NEWEST_MINUTES * MINUTE_MS
        with History(self._settings) as history:
            total, recent, newest = history.minutes(symbol, since_ms=since, until_ms=until_ms)
        wanted = [(until_ms - since_ms) // MINUTE_MS for since_ms in since]
        return Stored(total, total / wanted[0], recent / wanted[1], newest)
