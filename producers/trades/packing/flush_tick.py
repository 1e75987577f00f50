"""One flush for the waiting trades of all symbols, so that all that reads them wakes up once."""

import asyncio
from collections.abc import Callable
from typing import Final, Protocol

from producers.trades.packing.linger import Linger
from schemas.settings import StreamSettings

RETRY_MS: Final = 20.0  # Kafka's queue was full


class Waiting(Protocol):
    """A symbol with trades that wait for their block."""

    @property
    def waiting(self) -> int:
        """Trades and events that are not published yet."""

    def flush(self) -> None:
        """Publish them, as far as Kafka's queue has room."""


class Timer(Protocol):
    """The part of an event loop that a tick needs."""

    def time(self) -> float:
        """Return seconds of a steady clock."""

    def call_later(self, delay: float, callback: Callable[[], None]) -> object:
        """Call back after some seconds."""


class FlushTick:
    """Flushes the symbols that wait, all together.

    It comes at most the linger after the first trade that waits; without one, it does not come.
    """

    def __init__(self, settings: StreamSettings, timer: Timer | None = None) -> None:
        """Set up without a symbol.

        Args:
            settings: How long trades may wait.
            timer: The running event loop if None.
        """
        self._linger = Linger(settings)
        self._timer = timer
        self._waiting: dict[Waiting, None] = {}
        self._due = False
        self._ticked_ms = 0.0

    def wait(self, symbol: Waiting) -> None:
        """Flush a symbol with the next tick."""
        self._waiting[symbol] = None
        if not self._due:
            self._come_in(self._linger.ms)

    def forget(self, symbol: Waiting) -> None:
        """Do not flush a symbol that is followed no more."""
        self._waiting.pop(symbol, None)

    def _come_in(self, delay_ms: float) -> None:
        self._due = True
        self._loop.call_later(delay_ms / 1000, self._tick)

    def _tick(self) -> None:
        found, self._waiting = self._waiting, {}
        counts = [count for symbol in found if (count := symbol.waiting)]
        now_ms = self._loop.time() * 1000
        self._linger.learn(sum(counts), len(counts), now_ms - self._ticked_ms)
        self._ticked_ms = now_ms
        for symbol in found:
            symbol.flush()
            if symbol.waiting:
                self._waiting[symbol] = None
        self._due = False
        if self._waiting:
            self._come_in(RETRY_MS)

    @property
    def _loop(self) -> Timer:
        if self._timer is None:
            self._timer = asyncio.get_running_loop()
        return self._timer
