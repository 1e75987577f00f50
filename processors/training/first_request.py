"""Asks for the first batch model once the past is there: nobody waits for the month to end."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from processors.history import History
from processors.training.request import MODELS, requested
from processors.versions.schedule import Changes
from schemas.errors import Transient
from schemas.predictions import TrainingRequest
from schemas.settings import Settings
from schemas.timeframe import DAY_MS, MINUTE_MS

FEWEST_DAYS = 8  # the past comes oldest first: with the newest ones all of it is there
ENOUGH = 0.99
PAUSE_S = 20.0
Ask = Callable[[TrainingRequest], Awaitable[None]]


class FirstTraining:
    """Looks until there is a version, or enough of every symbol's past to train one.

    It waits until nothing else is replayed: memory and processors are few.
    """

    def __init__(
        self,
        settings: Settings,
        changes: Changes,
        heard: asyncio.Event,
        is_idle: Callable[[], bool],
    ) -> None:
        self._settings = settings
        self._changes = changes
        self._heard = heard
        self._is_idle = is_idle

    async def run(self, ask: Ask, pause_s: float = PAUSE_S) -> None:
        """Ask once, unless a batch model was ever trained; several processes ask for one version.

        Args:
            ask: Sends the request.
            pause_s: Between two looks at the store.
        """
        await self._heard.wait()
        while not self._changes.has_trained(MODELS[0]):
            market_ms = await self._look() if self._is_idle() else None
            if market_ms is not None:
                await ask(requested(market_ms, "first start"))
                return
            await asyncio.sleep(pause_s)

    async def _look(self) -> int | None:
        with suppress(Transient):
            return await asyncio.to_thread(self._market_ms)
        return None

    def _market_ms(self) -> int | None:
        """Return when the newest stored candle ended, None where a symbol's past is not there."""
        with History(self._settings.clickhouse) as history:
            newest = [history.newest_close_ms(symbol) for symbol in self._settings.symbols]
            market_ms = max((ms for ms in newest if ms), default=None)
            if market_ms is None:
                return None
            since_ms = market_ms - FEWEST_DAYS * DAY_MS
            for symbol in self._settings.symbols:
                (count,) = history.minutes(symbol, since_ms=(since_ms,), until_ms=market_ms)
                if count < ENOUGH * FEWEST_DAYS * DAY_MS / MINUTE_MS:
                    return None
        return market_ms
