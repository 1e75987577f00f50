"""Rotation of websocket connections: the next one reads before the old one is closed."""

import asyncio
import random
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from clients.clock import steady_ms
from clients.retry import doubled
from clients.watching.log import EventLog
from producers.binance.urls import StreamAddress
from producers.binance.websocket import Connection
from schemas.errors import Transient
from schemas.market import JITTER_MS
from schemas.settings import StreamSettings
from schemas.timeframe import HOUR_MS

_log = EventLog(__name__)
OVERLAP_S: Final = 5.0  # both are read, so that one brings the trades that the other missed
MAX_ATTEMPTS: Final = 250  # the exchange allows 300 to all programs at this address together
ATTEMPTS_WINDOW_MS: Final = 300_000
LONGEST_BACK_OFF_S: Final = 30.0
FIRST_BACK_OFF_S: Final = 0.1
STABLE_MS: Final = 10_000  # the end of a connection that lasted this long is not a failure
LOOK_S: Final = 0.1
RENEW_MS: Final = 6_000  # longer than the overlap: of one line there are never three
SILENT: Final = "silent"


class Attempts:
    """Limiter that keeps our connection attempts below the exchange's limit. Pure.

    Source: binance-spot-api-docs, web-socket-streams.md: 300 attempts in 5 minutes.
    """

    def __init__(self, most: int = MAX_ATTEMPTS, window_ms: int = ATTEMPTS_WINDOW_MS) -> None:
        self._times: deque[int] = deque(maxlen=most)
        self._window_ms = window_ms

    def wait_ms(self, now_ms: int) -> int:
        """Count the next attempt, and return the milliseconds to wait before it."""
        full = len(self._times) == self._times.maxlen
        # Full: the oldest of them has to leave the window first.
        at_ms = max(now_ms, self._times[0] + self._window_ms) if full else now_ms
        self._times.append(at_ms)
        return at_ms - now_ms


class RotatingConnection:
    """One line: read by one connection at all times, and by two during a change.

    Attributes:
        address: What the line shall carry. Once it is another one, the next connection is opened.
        opened: Set once the first connection is open.
        attempts: Attempts to open a connection, successful or not.
    """

    def __init__(
        self,
        address: StreamAddress,
        connect: Callable[[StreamAddress], Awaitable[Connection]],
        on_unproven: Callable[[Iterable[str], int], None],
        settings: StreamSettings,
        attempts: Attempts,
    ) -> None:
        """Set up the line, without a connection.

        Args:
            address: What it carries at first.
            connect: Opens the next connection.
            on_unproven: Called with the symbols whose trades may have been missed up to now,
                between two connections or before the first one that carries them, and with the
                steady time at which the later one was opened.
            settings: Age and silence at which a connection is replaced.
            attempts: Shared by all lines of the process.
        """
        self.address = address
        self._connect = connect
        self._on_unproven = on_unproven
        self._rotate_ms = int(settings.rotate_h * HOUR_MS)
        self._silence_ms = int(settings.silence_s * 1000)
        self._attempts = attempts
        self._living: list[Connection] = []
        self._leaving: list[Connection] = []  # those of them that the next one has to overlap with
        self._failures = 0
        self.attempts = 0
        self.opened = asyncio.Event()

    def newest_event_ms(self, symbol: str) -> int:
        """Exchange event time up to which a symbol's trades have come; -1 if none is open."""
        living = (one for one in self._living if not one.reading.done())
        times = (one.newest_event_ms for one in living if symbol in one.address.carried)
        newest_ms = max(times, default=-1)
        # What was traded before the next one was opened comes on the one before it only.
        older = (one.newest_event_ms for one in self._leaving if symbol in one.address.carried)
        return min(older, default=newest_ms) if self._leaving else newest_ms

    @property
    def is_open(self) -> bool:
        """Whether at least one connection is open."""
        return any(not one.reading.done() for one in self._living)

    async def run(self) -> None:
        """Keep a connection open until cancelled, then close all of them."""
        try:
            async with asyncio.TaskGroup() as retiring:
                current = await self._open()
                self._on_unproven(current.address.carried, current.opened_ms)
                while True:
                    why = await self._until_due(current)
                    _log.info("connection_replaced", "connection: {why}, opening the next", why=why)
                    following = await self._open()
                    # One that still reads overlaps with the next; a dead one may have missed some.
                    unproven = following.address.carried
                    if why != SILENT and not self._is_dead(current):
                        unproven -= current.address.carried
                        self._leaving.append(current)
                    self._on_unproven(unproven, following.opened_ms)
                    retiring.create_task(self._retire(current, following))
                    current = following
        finally:
            await asyncio.gather(*(one.close() for one in self._living))

    async def _until_due(self, current: Connection) -> str:
        while True:
            now_ms = steady_ms()
            if current.reading.done():
                current.reading.result()  # raises any error except a closed connection
                lasted = now_ms - current.opened_ms >= STABLE_MS
                self._failures = 0 if lasted else self._failures + 1
                return "ended"
            if current.ending:
                return "its end was announced"
            if current.life.is_silent(now_ms, self._silence_ms):
                return SILENT
            if (
                current.address != self.address and now_ms - current.opened_ms >= RENEW_MS
            ):  # what comes and goes within some seconds costs one connection
                return "its symbols have changed"
            if now_ms - current.opened_ms >= self._rotate_ms:
                return "old enough"
            await asyncio.wait({current.reading}, timeout=LOOK_S)

    def _is_dead(self, current: Connection) -> bool:
        now_ms = steady_ms()
        return (
            current.reading.done()
            or current.life.is_silent(now_ms, self._silence_ms)
            # What was lost on the way is sent again after as long a time as the network was away:
            # it would come when this connection is closed already.
            or current.life.unheard_ms(now_ms) >= OVERLAP_S * 1000
        )

    async def _open(self) -> Connection:
        while True:
            if self._failures:
                await asyncio.sleep(back_off_s(self._failures))
            await asyncio.sleep(self._attempts.wait_ms(steady_ms()) / 1000)
            try:
                connection = await self._connect(self.address)
            except Transient as error:
                self._failures += 1
                self.attempts += 1
                _log.warning("connection_failed", "{error}", error=error)
            else:
                self.attempts += 1
                self._living.append(connection)
                self.opened.set()
                return connection

    async def _retire(self, older: Connection, newer: Connection) -> None:
        await asyncio.wait({older.reading}, timeout=OVERLAP_S)
        if older in self._leaving:
            self._leaving.remove(older)
            if not _overlap(older, newer):
                both = older.address.carried & newer.address.carried
                self._on_unproven(both, newer.opened_ms)
        self._living.remove(older)
        await older.close()


def _overlap(older: Connection, newer: Connection) -> bool:
    """Return whether the older one has brought all that came before the newer one's first frame."""
    return 0 <= newer.first_event_ms <= older.newest_event_ms - JITTER_MS


def back_off_s(failures: int) -> float:
    """Return the seconds to wait after a number of failures in a row: doubling, with jitter."""
    longest_s = doubled(FIRST_BACK_OFF_S, failures, LONGEST_BACK_OFF_S)
    return random.uniform(0.5, 1.0) * longest_s  # noqa: S311 - spreads load, hides nothing
