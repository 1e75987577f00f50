"""Connections of the simulated exchange at their edges: faults, slow clients, broken frames."""

import asyncio
from collections.abc import Iterator

import orjson
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from candlewick.exchange.market.intervals import epoch_ms
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


@pytest.mark.parametrize("start", ["2020-08-17T23:58:30", "2039-12-31T23:58:30"])
def test_streams_live_through_the_first_and_the_last_minute_of_a_market(start: str) -> None:
    names = ("dotusdt@aggTrade", "dotusdt@kline_1m", "dotusdt@kline_1M", "!miniTicker@arr")
    begin_ms = epoch_ms(start)

    async def run(exchange: RunningExchange) -> set[str]:
        seen: set[str] = set()
        url = f"{exchange.ws_url}/stream?streams={'/'.join(names)}"
        async with asyncio.timeout(DEADLINE_S), connect(url, compression=None) as socket:
            exchange.admin("POST", "market", {"advance_ms": 10 * 60_000})
            while seen < set(names):
                seen.add(orjson.loads(await socket.recv())["stream"])
            exchange.admin("POST", "market", {"advance_ms": 60_000})
            while True:
                now = orjson.loads(await socket.recv())["data"]
                if isinstance(now, list) and now[0]["E"] > begin_ms + 10 * 60_000:
                    return seen

    with running_exchange(start=start, speed=0, symbols="DOTUSDT", recorded=False) as exchange:
        assert asyncio.run(run(exchange)) == set(names)
        asked = {"symbol": "DOTUSDT", "interval": "1m", "startTime": begin_ms, "limit": 1_000}
        for path in ("coins/markets", "coins/polkadot/market_chart", "ticker/24hr"):
            assert exchange.get(f"/api/v3/{path}").status_code == 200
        assert exchange.get("/api/v3/klines", **asked).json()
