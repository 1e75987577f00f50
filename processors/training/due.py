"""Requests batch trainings that are due: where no version can answer, and one each month.

No version can answer for a symbol if none was ever trained on it, or if the newest cannot be
loaded: it was trained by a version of the code with other features, or its files are gone. The
month's is due from its first day, 00:15 UTC of the market's own time, and is asked for once.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from clients.kafka.followed_symbols import known_symbols
from clients.watching.log import EventLog
from processors.history import History
from processors.training.request import FEWEST_DAYS, MODELS, requested
from processors.versions.installer import Installer
from schemas.errors import Transient
from schemas.predictions import TrainingRequest
from schemas.settings import Settings
from schemas.timeframe import DAY_MS, MINUTE_MS

_log = EventLog(__name__)
_MODEL: Final = MODELS[0]
_DAYS = 8  # the backfill goes from old to new: if the newest days are stored, all are
_ENOUGH = 0.99
_MINUTE = 15  # of the first hour of each month, UTC
PAUSE_S = 20.0  # until the next look whether the predictor is idle
_MOST_BUSY_S = 3600.0  # so long it is waited for
LOOK_S = 300.0  # until the next look at the store, on a clock that may stand still for a night
_PATIENCE = 12  # looks in a row at which no history had come: an hour
Ask = Callable[[TrainingRequest], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Stored:
    """The stored candles of the symbols that are traded.

    Attributes:
        market_ms: End of the newest one, in event time.
        symbols: The symbols.
        shares: Share of the last eight days that is stored, 0 to 1; without younger symbols.
        minutes: Number of stored minutes in the range of a training.
    """

    market_ms: int
    symbols: Sequence[str]
    shares: Mapping[str, float]
    minutes: int


class DueTrainings:
    """Looks for trainings that are due, for ever.

    The first one waits until every symbol has enough history; a young symbol holds up no other, and
    a hole in a history holds them up for an hour. Any waits for all replays to end, for an hour at
    most, because memory and processors are scarce.
    """

    def __init__(
        self,
        settings: Settings,
        installer: Installer,
        heard: asyncio.Event,
        is_idle: Callable[[], bool],
        market_ms: Callable[[], int],
    ) -> None:
        """Set whom to ask.

        Args:
            settings: Addresses of ClickHouse and Kafka.
            installer: Knows the versions, and loads them.
            heard: Set once all versions of the past are known.
            is_idle: Tells whether nothing is being replayed.
            market_ms: Tells the event time of the predictor, 0 before its first candle.
        """
        self._settings = settings
        self._installer = installer
        self._heard = heard
        self._is_idle = is_idle
        self._market_ms = market_ms
        self._is_begun = False
        self._is_told = False
        self._is_failing = False
        self._asked_ms = 0
        self._minutes, self._vain_looks = -1, 0

    async def run(self, ask: Ask) -> None:
        """Send requests with ``ask``; all predictors send the same."""
        await self._heard.wait()
        busy = 0
        while True:
            busy = 0 if self._is_idle() else busy + 1
            # One symbol that never knows its past must not keep the month's training away.
            if 0 < busy * PAUSE_S < _MOST_BUSY_S:
                await asyncio.sleep(PAUSE_S)
                continue
            request = await self.look()
            if request is not None:
                await ask(request)
            await asyncio.sleep(LOOK_S)

    async def look(self) -> TrainingRequest | None:
        """Return the request that is due, None if none is or Kafka or the store does not answer."""
        try:
            stored = await asyncio.to_thread(self._stored)
        except Transient as error:
            if not self._is_failing:
                _log.warning(
                    "due_trainings_unknown",
                    "{error}; no training is asked for until that is known",
                    error=error,
                )
            self._is_failing = True
            return None
        self._is_failing = False
        return self._due(stored) if stored else None

    def _due(self, stored: Stored) -> TrainingRequest | None:
        request = None
        if not self._is_begun:
            request = self._first(stored)
        if request is None and self._is_months(stored):
            request = requested(stored.market_ms, "monthly timer")
        if request is not None:
            self._asked_ms = stored.market_ms
        return request

    def _first(self, stored: Stored) -> TrainingRequest | None:
        lacking = self._lacking(stored.shares)
        if not lacking:
            self._is_begun = bool(stored.shares)
            return None
        is_in_vain = self._is_in_vain(stored.minutes)
        waited = [symbol for symbol, share in stored.shares.items() if share < _ENOUGH]
        usable = [symbol for symbol in lacking if stored.shares[symbol] >= FEWEST_DAYS / _DAYS]
        if waited and not (is_in_vain and usable):
            self._tell(waited)
            return None
        self._is_begun = True
        return requested(stored.market_ms, "first start")

    def _lacking(self, symbols: Mapping[str, float]) -> list[str]:
        """Return the symbols for which no version can answer."""
        newest = {s: self._installer.changes.newest_trained(_MODEL, s) for s in symbols}
        usable = {c for c in newest.values() if c is not None and self._installer.can_load(c)}
        return [symbol for symbol, change in newest.items() if change not in usable]

    def _is_in_vain(self, minutes: int) -> bool:
        """Return whether nothing of the history has come for an hour."""
        self._vain_looks = 0 if minutes != self._minutes else self._vain_looks + 1
        self._minutes = minutes
        return self._vain_looks >= _PATIENCE

    def _tell(self, waited: Sequence[str]) -> None:
        if not self._is_told:
            _log.info(
                "first_training_waits",
                "the first training waits for the history of {symbols}",
                symbols=", ".join(waited),
            )
        self._is_told = True

    def _is_months(self, stored: Stored) -> bool:
        """Return whether the month's training is due: a version is of an earlier month."""
        newest = [self._installer.changes.newest_trained(_MODEL, s) for s in stored.symbols]
        due_ms = _due_ms(stored.market_ms)
        old = [c for c in newest if c is not None and c.effective_ms < due_ms]
        return bool(old) and self._asked_ms < due_ms <= stored.market_ms

    def _stored(self) -> Stored | None:
        """Return what is stored, None if that is nothing.

        Once the first training is asked for, the store need not be searched: the month's goes by
        the predictor's time.
        """
        symbols = known_symbols(self._settings, name="candlewick-due-trainings").traded
        if self._is_begun:
            now_ms = self._market_ms()
            return Stored(now_ms, symbols, {}, 0) if now_ms else None
        with History(self._settings.clickhouse) as history:
            newest = [history.newest_close_ms(symbol) for symbol in symbols]
            market_ms = max((ms for ms in newest if ms), default=None)
            if market_ms is None:
                return None
            old = [s for s in symbols if history.listed_ms(s) <= market_ms - _DAYS * DAY_MS]
            shares = {symbol: _share(history, symbol, market_ms) for symbol in old}
            return Stored(market_ms, symbols, shares, _minutes(history, old, market_ms))


def _share(history: History, symbol: str, market_ms: int) -> float:
    since_ms = market_ms - _DAYS * DAY_MS
    (count,) = history.minutes(symbol, since_ms=(since_ms,), until_ms=market_ms)
    return count * MINUTE_MS / (_DAYS * DAY_MS)


def _minutes(history: History, symbols: Sequence[str], market_ms: int) -> int:
    asked = requested(market_ms, "")
    since_ms, until_ms = (asked.from_ms,), asked.until_ms
    return sum(history.minutes(s, since_ms=since_ms, until_ms=until_ms)[0] for s in symbols)


def _due_ms(market_ms: int) -> int:
    today = datetime.fromtimestamp(market_ms / 1000, UTC)
    return int(datetime(today.year, today.month, 1, 0, _MINUTE, tzinfo=UTC).timestamp()) * 1000
