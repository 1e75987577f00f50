"""The simulated clock, in the place of the machine's in every module of the product that looks."""

import random
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import clients.clock
import clients.kafka.commits
import processors.candles.worker
import processors.runtime.bundles
import processors.runtime.guard
import processors.runtime.transport
import producers.trades.connections
import producers.trades.follower
import sinks.drain
import sinks.refused_trades

START_MS = 1_700_000_100_000  # a quarter of an hour begins here
_NS = 1_000_000


class Clock:
    """Time that passes only when the simulation says so.

    Attributes:
        now_ns: Steady time since the machine was started.
        wall_ms: How far the machine's UTC clock is off.
    """

    def __init__(self) -> None:
        self.now_ns = 3_600 * 1_000 * _NS
        self.wall_ms = 0

    @property
    def now_ms(self) -> int:
        """Steady time as UTC epoch milliseconds: what the exchange's clock shows."""
        return START_MS + self.now_ns // _NS

    def monotonic(self) -> float:
        """Stands for `time.monotonic`."""
        return self.now_ns / 1e9

    def monotonic_ns(self) -> int:
        """Stands for `time.monotonic_ns`."""
        return self.now_ns

    def time_ns(self) -> int:
        """Stands for `time.time_ns`."""
        return (self.now_ms + self.wall_ms) * _NS

    def time(self) -> float:
        """Stands for `time.time`."""
        return self.time_ns() / 1e9


def _at_once(_limit_s: float, _what: str, call: Any) -> Any:
    return call()  # a limit of a call that blocks: here nothing blocks


@contextmanager
def installed(clock: Clock, rng: random.Random) -> Iterator[None]:
    """Let the product see this clock and these random numbers."""
    times = SimpleNamespace(
        monotonic=clock.monotonic,
        monotonic_ns=clock.monotonic_ns,
        time_ns=clock.time_ns,
        time=clock.time,
    )
    timed = (
        processors.candles.worker,
        processors.runtime.bundles,
        processors.runtime.guard,
        processors.runtime.transport,
        producers.trades.follower,
        sinks.drain,
        sinks.refused_trades,
    )
    with ExitStack() as stack:
        for module in timed:
            stack.enter_context(patch.object(module, "time", times))
        stack.enter_context(patch.object(clients.clock, "time", times))
        stack.enter_context(patch.object(clients.clock, "_steady_ns", clock.monotonic_ns))
        stack.enter_context(patch.object(clients.clock, "_START_NS", 0))
        stack.enter_context(patch.object(clients.clock, "_START_MS", START_MS))
        stack.enter_context(patch.object(producers.trades.connections, "random", rng))
        for module in (clients.kafka.commits, sinks.drain):
            stack.enter_context(patch.object(module, "within", _at_once))
        yield
