"""Requests a batch model at a start, where no version can answer or the month's is missing.

None was ever trained, or the newest one cannot be loaded: it was trained by a version of the code
with other features, or its files are gone. The month's is missing if no predictor ran when the
monthly timer was due.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final

from clients.kafka.followed_symbols import known_symbols
from processors.history import History
from processors.models.artefact import UnusableArtefact
from processors.training.request import MODELS, requested
from processors.versions.installer import Installer
from schemas.errors import Transient
from schemas.predictions import TrainingRequest
from schemas.settings import Settings
from schemas.timeframe import DAY_MS, MINUTE_MS

FEWEST_DAYS = 8  # the backfill goes from old to new: if the newest days are stored, all are
ENOUGH = 0.99
PAUSE_S = 20.0
TIMER_MINUTE: Final = 15  # of the first hour of each month, UTC
Ask = Callable[[TrainingRequest], Awaitable[None]]


class FirstTraining:
    """Waits until a version can answer, or until every symbol has enough history to train one.

    It also waits for all replays to end, because memory and processors are scarce.
    """

    def __init__(
        self,
        settings: Settings,
        installer: Installer,
        heard: asyncio.Event,
        is_idle: Callable[[], bool],
    ) -> None:
        self._settings = settings
        self._installer = installer
        self._heard = heard
        self._is_idle = is_idle

    async def run(self, ask: Ask, pause_s: float = PAUSE_S) -> None:
        """Send one request unless this month's model can answer; all predictors send the same.

        Args:
            ask: Sends the request.
            pause_s: Pause between two checks of the store, in seconds.
        """
        await self._heard.wait()
        while True:
            is_first = not can_answer(self._installer, MODELS[0])
            market_ms = await self._look(is_first) if self._is_idle() else None
            if market_ms is None:
                await asyncio.sleep(pause_s)
                continue
            if is_first:
                await ask(requested(market_ms, "first start"))
            elif is_of_last_month(self._installer, MODELS[0], market_ms):
                await ask(requested(market_ms, "monthly timer, late"))
            return

    async def _look(self, is_first: bool) -> int | None:  # noqa: FBT001 - of one caller
        with suppress(Transient):
            return await asyncio.to_thread(self._market_ms, whole=is_first)
        return None

    def _market_ms(self, *, whole: bool) -> int | None:
        """Return the end of the newest stored candle; None without one.

        With ``whole``, also None if any symbol lacks history.
        """
        with History(self._settings.clickhouse) as history:
            symbols = known_symbols(self._settings, name="candlewick-first-training").traded
            newest = [history.newest_close_ms(symbol) for symbol in symbols]
            market_ms = max((ms for ms in newest if ms), default=None)
            if market_ms is None or not whole:
                return market_ms
            since_ms = market_ms - FEWEST_DAYS * DAY_MS
            for symbol in symbols:
                begin_ms = max(since_ms, history.listed_ms(symbol))
                if begin_ms >= market_ms:
                    continue
                (count,) = history.minutes(symbol, since_ms=(begin_ms,), until_ms=market_ms)
                if count < ENOUGH * (market_ms - begin_ms) / MINUTE_MS:
                    return None  # a young symbol must not hold up the others for a week
        return market_ms


def can_answer(installer: Installer, model: str) -> bool:
    """Return whether the newest version of a model can be loaded; False if there is none."""
    newest = installer.changes.newest_trained(model)
    if newest is None:
        return False
    try:
        installer.load(newest)
    except UnusableArtefact:
        return False
    return True


def is_of_last_month(installer: Installer, model: str, market_ms: int) -> bool:
    """Return whether the newest version of a model took effect before this month's timer.

    Args:
        installer: Knows the versions.
        model: Name of the model.
        market_ms: End of the newest stored candle, in event time.
    """
    newest = installer.changes.newest_trained(model)
    today = datetime.fromtimestamp(market_ms / 1000, UTC)
    month_ms = int(datetime(today.year, today.month, 1, tzinfo=UTC).timestamp()) * 1000
    due_ms = month_ms + TIMER_MINUTE * MINUTE_MS
    return newest is not None and newest.effective_ms < due_ms <= market_ms
