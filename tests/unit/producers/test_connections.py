"""Which symbols are told to be unproven when one connection takes the place of another."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

import pytest

from clients.clock import steady_ms
from producers.binance.signs_of_life import SignsOfLife
from producers.binance.urls import StreamAddress
from producers.trades.connections import Attempts, RotatingConnection
from schemas.errors import Transient
from schemas.settings import StreamSettings

if TYPE_CHECKING:
    from producers.binance.websocket import Connection

pytestmark = pytest.mark.anyio
WITHIN_S = 10.0
ADDRESS = StreamAddress("ws://exchange", ("DOTUSDT",))


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def heard_before(passed_ms: int) -> SignsOfLife:
    return SignsOfLife(steady_ms() - passed_ms)


@dataclass(slots=True)
class Wire:
    """What a line needs of a connection."""

    address: StreamAddress = ADDRESS
    ending: bool = False
    opened_ms: int = field(default_factory=steady_ms)
    newest_event_ms: int = -1
    life: SignsOfLife = field(default_factory=lambda: heard_before(0))
    reading: asyncio.Future[None] = field(default_factory=asyncio.Future)

    async def close(self) -> None:
        self.reading.cancel()


async def told_at_a_change(meanwhile: Callable[[Wire], None], *, failures: int = 0) -> set[str]:
    """Return what is told when a connection is replaced, and what happens until the next opens."""
    told: set[str] = set()
    wires: list[Wire] = []
    left, is_open = failures, asyncio.Event()

    async def connect(_: StreamAddress) -> "Connection":
        nonlocal left
        if wires and left:
            left -= 1
            raise Transient("no connection")
        if wires:
            meanwhile(wires[0])
            is_open.set()
        wires.append(Wire())
        return cast("Connection", wires[-1])

    def on_unproven(symbols: Iterable[str], _opened_ms: int) -> None:
        told.update(symbols)

    line = RotatingConnection(ADDRESS, connect, on_unproven, StreamSettings(), Attempts())
    running = asyncio.create_task(line.run())
    async with asyncio.timeout(WITHIN_S):
        await line.opened.wait()
        wires[0].ending = True
        await is_open.wait()
        await asyncio.sleep(0)
    running.cancel()
    await asyncio.wait({running})
    return told


async def test_connection_that_reads_on_until_the_next_one_is_open_has_missed_nothing() -> None:
    assert await told_at_a_change(lambda _: None) == set()


@pytest.mark.parametrize("passed_ms", [5_000, 300_000])
async def test_connection_that_falls_silent_while_the_next_is_opened_may_have_missed_trades(
    passed_ms: int,
) -> None:
    def fall_silent(wire: Wire) -> None:
        wire.life = heard_before(passed_ms)

    assert await told_at_a_change(fall_silent, failures=2) == {"DOTUSDT"}


async def test_connection_that_ends_while_the_next_is_opened_may_have_missed_trades() -> None:
    def end(wire: Wire) -> None:
        wire.reading.set_result(None)

    assert await told_at_a_change(end) == {"DOTUSDT"}
