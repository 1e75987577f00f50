"""Connections of the simulated exchange at their edges: faults, slow clients, broken frames."""

import asyncio
from collections.abc import Iterator

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.support.servers import RunningExchange, running_exchange

START = "2025-03-12T13:37:41"
DEADLINE_S = 20.0


@pytest.fixture(scope="module")
def stopped() -> Iterator[RunningExchange]:
    """A market whose clock stands still until a test moves it."""
    with running_exchange(start=START, speed=0, symbols="DOTUSDT") as running:
        yield running


async def ended(socket: ClientConnection) -> int | None:
    """The code with which a connection ends, None without a close frame."""
    try:
        async with asyncio.timeout(DEADLINE_S):
            async for _ in socket:
                pass
    except ConnectionClosed:
        pass
    return None if socket.protocol.close_rcvd is None else socket.close_code


@pytest.mark.parametrize(("kind", "code"), [("cut", None), ("shutdown", 1001), ("lifetime", 1001)])
def test_a_fault_that_is_armed_while_the_clock_stands_happens_when_it_moves(
    stopped: RunningExchange, kind: str, code: int | None
) -> None:
    async def run() -> int | None:
        async with connect(f"{stopped.ws_url}/ws/dotusdt@trade", compression=None) as socket:
            stopped.admin("POST", "faults", {"kind": kind})
            stopped.admin("POST", "market", {"advance_ms": 60_000})
            return await ended(socket)

    try:
        assert asyncio.run(run()) == code
    finally:
        stopped.admin("DELETE", "faults")
