"""Puts the simulated world in the place of the real one, for the time of one schedule."""

import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from typing import Any, NoReturn
from unittest.mock import patch

import clients.process
import processors.candles.agents
import processors.runtime.guard
import producers.trades.connections
import producers.trades.follower
import producers.trades.kline_stream
import producers.trades.publisher
import producers.trades.repair
import producers.trades.resume
import producers.trades.roster
from tests.simulation.clock import installed
from tests.simulation.confluent import SimProducer, SimReader
from tests.simulation.world import World

# How often the product looks at what has no event: an idle look is a step in which nothing happens.
_PACES = (
    (producers.trades.follower, "SERVE_S", 0.3),
    (producers.trades.follower, "QUIET_S", 1.0),
    (producers.trades.follower, "ROSTER_S", 5.0),
    (producers.trades.repair, "LOOK_S", 0.5),
    (producers.trades.repair, "IDLE_S", 1.0),
    (producers.trades.connections, "LOOK_S", 1.0),
    (producers.trades.kline_stream, "LOOK_S", 10.0),
    (producers.trades.roster, "LOOK_S", 5.0),
)


@asynccontextmanager
async def _unwatched(*_: Any, **__: Any) -> AsyncIterator[None]:
    yield  # a watchdog is a thread beside the process


def _leave(reason: str) -> NoReturn:
    raise SystemExit(reason)


@contextmanager
def on_stage(world: World) -> Iterator[World]:
    """Let the product meet this world, and nothing else."""
    logging.disable(logging.CRITICAL)
    with ExitStack() as stack:
        stack.enter_context(installed(world.clock, world.rng))
        for module, name, value in _PACES:
            stack.enter_context(patch.object(module, name, value))
        for module, name, stand_in in (
            (producers.trades.publisher, "open_producer", lambda *_, **__: SimProducer(world)),
            (producers.trades.resume, "TopicReader", lambda *_, **__: SimReader(world)),
            (producers.trades.follower, "open_connection", world.exchange.open_connection),
            (producers.trades.follower, "watched", _unwatched),
            (producers.trades.follower, "delivering", _unwatched),
            (processors.runtime.guard, "leave", _leave),
            (clients.process, "leave", _leave),
            (processors.candles.agents, "leave", _leave),
        ):
            stack.enter_context(patch.object(module, name, stand_in))
        try:
            yield world
        finally:
            world.close()
            logging.disable(logging.NOTSET)
