"""Connections of the simulated exchange at their edges: faults, slow clients, broken frames."""

import asyncio
import socket
from collections.abc import Iterator

import orjson
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode

from candlewick.exchange.market.intervals import epoch_ms
from tests.support.servers import RunningExchange, running_exchange

START = "2025-03-12T13:37:41"
DEADLINE_S = 20.0


@pytest.fixture(scope="module")
def stopped() -> Iterator[RunningExchange]:
    """A market whose clock stands still until a test moves it."""
    with running_exchange(start=START, speed=0, symbols="DOTUSDT") as running:
        yield running


async def ended(client: ClientConnection) -> int | None:
    """The code with which a connection ends, None without a close frame."""
    try:
        async with asyncio.timeout(DEADLINE_S):
            async for _ in client:
                pass
    except ConnectionClosed:
        pass
    return None if client.protocol.close_rcvd is None else client.close_code


@pytest.mark.parametrize(("kind", "code"), [("cut", None), ("shutdown", 1001), ("lifetime", 1001)])
def test_a_fault_that_is_armed_while_the_clock_stands_happens_when_it_moves(
    stopped: RunningExchange, kind: str, code: int | None
) -> None:
    async def run() -> int | None:
        async with connect(f"{stopped.ws_url}/ws/dotusdt@trade", compression=None) as client:
            stopped.admin("POST", "faults", {"kind": kind})
            stopped.admin("POST", "market", {"advance_ms": 60_000})
            return await ended(client)

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
        async with asyncio.timeout(DEADLINE_S), connect(url, compression=None) as client:
            exchange.admin("POST", "market", {"advance_ms": 10 * 60_000})
            while seen < set(names):
                seen.add(orjson.loads(await client.recv())["stream"])
            exchange.admin("POST", "market", {"advance_ms": 60_000})
            while True:
                now = orjson.loads(await client.recv())["data"]
                if isinstance(now, list) and now[0]["E"] > begin_ms + 10 * 60_000:
                    return seen

    with running_exchange(start=start, speed=0, symbols="DOTUSDT", recorded=False) as exchange:
        assert asyncio.run(run(exchange)) == set(names)
        asked = {"symbol": "DOTUSDT", "interval": "1m", "startTime": begin_ms, "limit": 1_000}
        for path in ("coins/markets", "coins/polkadot/market_chart", "ticker/24hr"):
            assert exchange.get(f"/api/v3/{path}").status_code == 200
        assert exchange.get("/api/v3/klines", **asked).json()


def connections(exchange: RunningExchange) -> int:
    state = exchange.admin("GET", "market")
    assert isinstance(state, dict)
    return int(state["connections"])


def test_a_client_that_reads_nothing_is_let_go_and_holds_up_nobody() -> None:
    path = "/ws/btcusdt@aggTrade"

    async def run(exchange: RunningExchange) -> int:
        deaf = socket.socket()
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        with deaf:
            deaf.connect(("127.0.0.1", exchange.port))
            deaf.sendall(an_upgrade(path))
            url = f"{exchange.ws_url}{path}"
            async with asyncio.timeout(2 * DEADLINE_S), connect(url, max_queue=None) as good:
                exchange.admin("POST", "market", {"advance_ms": 600_000})
                last_ms = epoch_ms(START) + 595_000
                while orjson.loads(await good.recv())["T"] < last_ms:
                    pass
                while connections(exchange) > 1:
                    await good.ping()
            return connections(exchange)

    options = {"ping_every": 0.5, "pong_within": 6.0, "rate": 600.0}
    with running_exchange(start=START, speed=0, symbols="BTCUSDT", **options) as exchange:
        assert asyncio.run(run(exchange)) <= 1


def an_upgrade(path: str) -> bytes:
    return (
        f"GET {path} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    ).encode()


def test_a_frame_that_breaks_the_rules_ends_the_connection(stopped: RunningExchange) -> None:
    with socket.create_connection(("127.0.0.1", stopped.port), DEADLINE_S / 2) as client:
        client.sendall(an_upgrade("/ws"))
        assert b"101 Switching Protocols" in client.recv(4_096)
        client.sendall(b"\x83\x80\0\0\0\0")  # of an unknown type
        said = b"".join(iter(lambda: client.recv(4_096), b""))

    assert said[2:4] == (1_002).to_bytes(2, "big")


def test_a_silent_connection_is_answered_nothing(stopped: RunningExchange) -> None:
    async def run() -> tuple[list[str | bytes], int | None, bool]:
        got: list[str | bytes] = []
        async with connect(f"{stopped.ws_url}/ws", compression=None) as old:
            stopped.admin("POST", "faults", {"kind": "silence"})
            stopped.admin("POST", "market", {"advance_ms": 10})
            pong = await old.ping()
            for number in range(5):
                await old.send(f'{{"method":"LIST_SUBSCRIPTIONS","id":{number}}}')
            try:
                async with asyncio.timeout(DEADLINE_S):
                    got += [message async for message in old]
            except ConnectionClosed:
                pass
            return got, old.close_code, pong.exception() is None

    try:
        assert asyncio.run(run()) == ([], 1008, False)
    finally:
        stopped.admin("DELETE", "faults")


def test_a_silent_connection_is_not_ended_for_pongs_that_nobody_asked_for() -> None:
    async def run(exchange: RunningExchange) -> list[int | None]:
        url = f"{exchange.ws_url}/ws/nosuch@trade"
        async with connect(url, compression=None) as old:
            exchange.admin("POST", "faults", {"kind": "silence"})
            codes = []
            for _ in range(3):
                async with connect(url, compression=None) as deaf:
                    never_pongs(deaf)
                    codes.append(await ended(deaf))
            return [*codes, old.close_code]

    with running_exchange(ping_every=0.2, pong_within=0.4, symbols="DOTUSDT") as exchange:
        assert asyncio.run(run(exchange)) == [1008, 1008, 1008, None]


def never_pongs(client: ClientConnection) -> None:
    read = client.protocol.recv_frame

    def deaf(frame: Frame) -> None:
        if frame.opcode is not Opcode.PING:
            read(frame)

    client.protocol.recv_frame = deaf  # type: ignore[method-assign]


def test_the_klines_of_the_stream_that_close_around_a_halt_are_those_of_rest() -> None:
    start_ms = epoch_ms("2025-03-12T13:37")

    async def run(exchange: RunningExchange) -> list[int]:
        closed: list[int] = []
        url = f"{exchange.ws_url}/ws/ethusdt@kline_1m"
        async with asyncio.timeout(DEADLINE_S), connect(url, compression=None) as client:
            halt = {"kind": "halt", "symbol": "ETHUSDT", "minutes": 3, "status": "BREAK"}
            exchange.admin("POST", "faults", halt)
            exchange.admin("POST", "market", {"advance_ms": 420_000})
            while not closed or closed[-1] < start_ms + 6 * 60_000:
                kline = orjson.loads(await client.recv())["k"]
                closed += [kline["t"]] if kline["x"] else []
        return closed

    with running_exchange(start=START, speed=0, symbols="ETHUSDT") as exchange:
        closed = asyncio.run(run(exchange))
        asked = {"symbol": "ETHUSDT", "interval": "1m", "startTime": start_ms, "limit": 4}
        rows = exchange.get("/api/v3/klines", **asked).json()

    assert closed == [row[0] for row in rows]
    assert [(at - start_ms) // 60_000 for at in closed] == [0, 4, 5, 6]
