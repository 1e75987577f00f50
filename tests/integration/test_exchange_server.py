"""The simulated exchange as a server: stream, REST and archive tell of one market."""

import asyncio
import hashlib
import io
import subprocess
import sys
import time
import zipfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import orjson
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.support.servers import RunningExchange, running_exchange

DATA = Path(__file__).parents[1] / "data"
DEADLINE_S = 20.0
START = "2025-03-01T11:59:40"
START_MS = 1_740_830_380_000
Frame = dict[str, object]


@pytest.fixture(scope="module")
def exchange() -> Iterator[RunningExchange]:
    with running_exchange(start=START, speed=20, rate=300) as running:
        yield running


def joined(url: str) -> connect:
    # With a bounded queue a client that stops reading waits ten seconds for the close frame.
    return connect(url, compression=None, max_queue=None)


@asynccontextmanager
async def listening(
    exchange: RunningExchange, path: str
) -> AsyncIterator[Callable[[], Awaitable[Frame]]]:
    async with joined(f"{exchange.ws_url}{path}") as socket:

        async def receive() -> Frame:
            frame: Frame = orjson.loads(await asyncio.wait_for(socket.recv(), DEADLINE_S))
            return frame

        yield receive


async def until(
    receive: Callable[[], Awaitable[Frame]], enough: Callable[[list[Frame]], bool]
) -> list[Frame]:
    frames: list[Frame] = []
    deadline = time.monotonic() + DEADLINE_S
    while not enough(frames):
        assert time.monotonic() < deadline, f"not enough after {len(frames)} frames"
        frames.append(await receive())
    return frames


def trades_by_rest(exchange: RunningExchange, symbol: str, first: int, last: int) -> list[Frame]:
    """All aggregate trades of an id range; waits until REST has them."""
    rows: list[Frame] = []
    deadline = time.monotonic() + DEADLINE_S
    while first <= last:
        assert time.monotonic() < deadline
        page = exchange.get("/api/v3/aggTrades", symbol=symbol, fromId=first, limit=1000).json()
        rows += page
        first += len(page)
    return [row for row in rows if row["a"] <= last]  # type: ignore[operator]


def collect(exchange: RunningExchange, path: str, count: int) -> list[Frame]:
    async def run() -> list[Frame]:
        async with listening(exchange, path) as receive:
            return await until(receive, lambda frames: len(frames) >= count)

    return asyncio.run(run())


def test_streamed_trades_are_consecutive_and_equal_to_rest(exchange: RunningExchange) -> None:
    frames = collect(exchange, "/stream?streams=btcusdt@aggTrade", 800)
    data = [frame["data"] for frame in frames]
    ids = [trade["a"] for trade in data]  # type: ignore[index]
    rows = trades_by_rest(exchange, "BTCUSDT", ids[0], ids[-1])

    assert {frame["stream"] for frame in frames} == {"btcusdt@aggTrade"}
    assert ids == list(range(ids[0], ids[0] + len(ids)))
    assert [{k: v for k, v in t.items() if k not in "eEs"} for t in data] == rows  # type: ignore[attr-defined]
    assert all(t["E"] >= t["T"] for t in data)  # type: ignore[index]


def test_raw_streams_have_no_wrapper_and_may_count_microseconds(exchange: RunningExchange) -> None:
    (frame,) = collect(exchange, "/ws/btcusdt@trade?timeUnit=MICROSECOND", 1)

    assert frame["e"] == "trade"
    assert list(frame) == ["e", "E", "s", "t", "p", "q", "T", "m", "M"]
    assert frame["T"] > START_MS * 1000  # type: ignore[operator]


def test_two_clients_see_the_same(exchange: RunningExchange) -> None:
    async def run() -> tuple[list[Frame], list[Frame]]:
        path = "/stream?streams=ethusdt@aggTrade/ethusdt@bookTicker"
        async with listening(exchange, path) as one, listening(exchange, path) as two:
            second = await until(two, lambda frames: len(frames) >= 200)
            # The market goes on while the second is let in: what it sees first may be far behind.
            return await until(one, lambda frames: frames[-1:] == second[99:100]), second

    first, second = asyncio.run(run())
    start = first.index(second[0])
    assert first[start : start + 100] == second[:100]


def test_the_same_seed_and_clock_give_the_same_market_after_a_restart(
    exchange: RunningExchange,
) -> None:
    params = {"symbol": "SOLUSDT", "startTime": START_MS - 3_600_000, "limit": 50}
    with running_exchange(start=START, rate=300) as again:
        for path, more in (("aggTrades", {}), ("klines", {"interval": "1m"})):
            url = f"/api/v3/{path}"
            assert (
                exchange.get(url, **params, **more).json()
                == again.get(url, **params, **more).json()
            )


def test_closed_klines_of_the_stream_are_those_of_rest(exchange: RunningExchange) -> None:
    path = "/stream?streams=dotusdt@kline_1m/btcusdt@kline_1m/btcusdt@kline_15m"
    frames = asyncio.run(_two_minutes(exchange, path))
    klines = [frame["data"]["k"] for frame in frames]  # type: ignore[index]
    closed = [kline for kline in klines if kline["x"]]

    assert {kline["s"] for kline in closed} == {"DOTUSDT", "BTCUSDT"}
    for k in closed:
        (row,) = exchange.get(
            "/api/v3/klines", symbol=k["s"], interval=k["i"], startTime=k["t"], limit=1
        ).json()
        assert row == [
            *(k[name] for name in ("t", "o", "h", "l", "c", "v", "T", "q", "n", "V", "Q")),
            "0",
        ]
    opened = [kline for kline in klines if not kline["x"] and kline["s"] == "BTCUSDT"]
    assert len(opened) > 20


async def _two_minutes(exchange: RunningExchange, path: str) -> list[Frame]:
    def enough(frames: list[Frame]) -> bool:
        return sum(frame["data"]["k"]["x"] for frame in frames) >= 4  # type: ignore[index]

    async with listening(exchange, path) as receive:
        return await until(receive, enough)


def test_klines_are_made_of_the_aggregate_trades(exchange: RunningExchange) -> None:
    (row,) = exchange.get(
        "/api/v3/klines",
        symbol="LINKUSDT",
        interval="1m",
        endTime=START_MS - 9_000_000,
        limit=1,
    ).json()
    trades = exchange.get(
        "/api/v3/aggTrades", symbol="LINKUSDT", startTime=row[0], endTime=row[6], limit=1000
    ).json()

    assert len(trades) < 1_000
    assert row[1] == trades[0]["p"]
    assert row[4] == trades[-1]["p"]
    assert row[8] == sum(trade["l"] - trade["f"] + 1 for trade in trades)
    volume = sum(int(trade["q"].replace(".", "")) for trade in trades)
    assert int(row[5].replace(".", "")) == volume


def test_rest_answers_where_to_begin_and_where_to_end(exchange: RunningExchange) -> None:
    def opens(**params: str | int) -> list[int]:
        url = "/api/v3/klines"
        rows = exchange.get(url, symbol="BNBUSDT", interval="1m", **params).json()
        return [row[0] for row in rows]

    at = START_MS // 60_000 * 60_000 - 600_000
    assert opens(startTime=at, endTime=at + 120_000) == [at, at + 60_000, at + 120_000]
    assert opens(startTime=at - 1, limit=2) == [at, at + 60_000]
    assert opens(endTime=at, limit=2) == [at - 60_000, at]
    assert len(opens()) == 500
    assert len(opens(limit=5000)) == 1_000
    assert opens(startTime=at, endTime=at - 1) == []
    listing = opens(startTime=0, limit=1)
    assert listing == [1_509_926_400_000]


def test_errors_have_binances_codes(exchange: RunningExchange) -> None:
    def code(path: str, **params: str | int) -> int:
        answer = exchange.get(f"/api/v3/{path}", **params)
        assert answer.status_code == 400
        return int(answer.json()["code"])

    assert code("klines", symbol="FOO", interval="1m") == -1121
    assert code("klines", symbol="BTCUSDT", interval="7m") == -1120
    assert code("klines", symbol="BTCUSDT") == -1102
    assert code("aggTrades", symbol="BTCUSDT", fromId=1, startTime=1) == -1128
    assert code("time", foo=1) == -1104
    assert exchange.get("/api/v3/nosuch").status_code == 404


@pytest.mark.parametrize(
    ("interval", "zone", "served"),
    [
        ("1m", "05:45", True),
        ("15m", "-9:30", True),
        ("1h", "8", True),
        ("1h", "05:45", False),
        ("1d", "0", True),
        ("1d", "8", False),
        ("1w", "+00:00", True),
        ("1w", "-12:00", False),
        ("1m", "14:01", False),
        ("1m", "UTC", False),
    ],
)
def test_a_time_zone_is_served_or_refused_and_never_ignored(
    exchange: RunningExchange, interval: str, zone: str, *, served: bool
) -> None:
    asked = {"symbol": "BTCUSDT", "interval": interval, "limit": 2, "endTime": 1_735_689_600_000}
    answer = exchange.get("/api/v3/klines", **asked, timeZone=zone)

    if served:
        assert answer.json() == exchange.get("/api/v3/klines", **asked).json()
    else:
        assert (answer.status_code, answer.json()["code"]) == (400, -1130)


def test_exchange_info_has_real_steps_and_the_limits_in_force(exchange: RunningExchange) -> None:
    info = exchange.get("/api/v3/exchangeInfo", symbol="BTCUSDT").json()

    assert [entry["symbol"] for entry in info["symbols"]] == ["BTCUSDT"]
    weight = info["rateLimits"][0]
    assert (weight["rateLimitType"], weight["limit"]) == ("REQUEST_WEIGHT", 6_000)
    assert info["symbols"][0]["filters"][0]["tickSize"] == "0.01000000"
    assert len(exchange.get("/api/v3/exchangeInfo").json()["symbols"]) == 11


def test_archives_hold_what_rest_answers(exchange: RunningExchange) -> None:
    path = "/data/spot/daily/klines/ETHUSDT/15m/ETHUSDT-15m-2025-02-27.zip"
    content = exchange.get(path).content
    checksum, name = exchange.get(f"{path}.CHECKSUM").text.split()
    lines = zipfile.ZipFile(io.BytesIO(content)).read("ETHUSDT-15m-2025-02-27.csv").decode()
    rows = [line.split(",") for line in lines.splitlines()]
    first_ms = int(rows[0][0]) // 1000
    served = exchange.get(
        "/api/v3/klines", symbol="ETHUSDT", interval="15m", startTime=first_ms, limit=96
    ).json()

    assert name == "ETHUSDT-15m-2025-02-27.zip"
    assert checksum == hashlib.sha256(content).hexdigest()
    assert len(rows) == 96
    assert [row[1:6] + row[7:] for row in rows] == [
        [str(value) for value in row[1:6] + row[7:]] for row in served
    ]
    assert rows[0][6] == str((first_ms + 900_000) * 1000 - 1)


def test_aggregate_archives_hold_what_rest_answers(exchange: RunningExchange) -> None:
    path = "/data/spot/daily/aggTrades/DOTUSDT/DOTUSDT-aggTrades-2024-12-31.zip"
    archive = zipfile.ZipFile(io.BytesIO(exchange.get(path).content))
    rows = [line.split(",") for line in archive.read(archive.namelist()[0]).decode().splitlines()]
    first = int(rows[0][0])
    served = exchange.get("/api/v3/aggTrades", symbol="DOTUSDT", fromId=first, limit=1000).json()

    assert rows[0][5] == str(served[0]["T"])  # milliseconds, the last day before microseconds
    assert [row[:5] for row in rows[:1000]] == [
        [str(trade[name]) for name in "apqfl"] for trade in served
    ]


def test_archives_that_are_not_there_yet_are_not_found(exchange: RunningExchange) -> None:
    for path in (
        "daily/klines/BTCUSDT/1m/BTCUSDT-1m-2025-03-01.zip",
        "monthly/klines/BTCUSDT/1m/BTCUSDT-1m-2025-02.zip",
        "daily/klines/BTCUSDT/1m/BTCUSDT-1m-2017-08-01.zip",
        "daily/klines/BTCUSDT/1m/ETHUSDT-1m-2025-02-01.zip",
        "daily/klines/BTCUSDT/1m/BTCUSDT-1m-2025-02-31.zip",
    ):
        answer = exchange.get(f"/data/spot/{path}")
        assert (answer.status_code, "NoSuchKey" in answer.text) == (404, True)
    january = exchange.get("/data/spot/monthly/klines/BTCUSDT/1d/BTCUSDT-1d-2025-01.zip")
    assert january.status_code == 200


def test_subscriptions_change_while_connected(exchange: RunningExchange) -> None:
    async def run() -> tuple[Frame, Frame]:
        async with joined(f"{exchange.ws_url}/ws") as socket:
            await socket.send('{"method":"SUBSCRIBE","params":["xrpusdt@aggTrade"],"id":1}')
            answer = orjson.loads(await asyncio.wait_for(socket.recv(), DEADLINE_S))
            return answer, orjson.loads(await asyncio.wait_for(socket.recv(), DEADLINE_S))

    answer, frame = asyncio.run(run())
    assert answer == {"result": None, "id": 1}
    assert frame["s"] == "XRPUSDT"


async def closed(socket: ClientConnection) -> tuple[int, str]:
    try:
        async with asyncio.timeout(DEADLINE_S):
            async for _ in socket:
                pass
    except ConnectionClosed:
        pass
    return socket.close_code or 0, socket.close_reason or ""


def test_more_than_five_messages_a_second_end_the_connection(exchange: RunningExchange) -> None:
    async def run() -> tuple[int, str]:
        async with joined(f"{exchange.ws_url}/ws") as socket:
            for number in range(6):
                await socket.send(f'{{"method":"LIST_SUBSCRIPTIONS","id":{number}}}')
            return await closed(socket)

    assert asyncio.run(run()) == (1008, "Too many requests")


def test_more_than_1024_streams_end_the_connection(exchange: RunningExchange) -> None:
    async def run() -> int:
        names = [f"s{at}@trade" for at in range(1_025)]
        async with joined(f"{exchange.ws_url}/ws") as socket:
            await socket.send(orjson.dumps({"method": "SUBSCRIBE", "params": names}).decode())
            return (await closed(socket))[0]

    assert asyncio.run(run()) == 1008


def test_other_paths_are_refused(exchange: RunningExchange) -> None:
    async def run() -> None:
        async with connect(f"{exchange.ws_url}/wrong"):
            pass

    with pytest.raises(InvalidStatus) as refused:
        asyncio.run(run())
    assert refused.value.response.status_code == 404


def test_pongs_keep_a_connection_and_their_absence_ends_it() -> None:
    async def answering(socket: ClientConnection) -> tuple[int, str]:
        return await closed(socket)

    async def run(exchange: RunningExchange) -> tuple[bool, tuple[int, str]]:
        url = f"{exchange.ws_url}/ws/nosuch@trade"
        async with joined(url) as good, joined(url) as bad:
            bad.protocol.recv_frame = _deaf(bad)  # type: ignore[method-assign]
            end = await answering(bad)
            return good.close_code is None, end

    with running_exchange(ping_every=0.3, pong_within=5.0, symbols="DOTUSDT") as exchange:
        alive, end = asyncio.run(run(exchange))
    assert alive
    assert end == (1008, "Pong timeout")


def _deaf(socket: ClientConnection) -> Callable[..., None]:
    read = socket.protocol.recv_frame

    def deaf(frame: object) -> None:
        # A client that reads everything and never answers a ping.
        if getattr(frame, "opcode", None) != 9:
            read(frame)  # type: ignore[arg-type]

    return deaf


def test_a_connection_ends_after_its_lifetime() -> None:
    async def run(exchange: RunningExchange) -> tuple[int, str]:
        async with joined(f"{exchange.ws_url}/ws") as socket:
            return await closed(socket)

    with running_exchange(lifetime=0.5, symbols="DOTUSDT") as exchange:
        assert asyncio.run(run(exchange))[0] == 1001


def test_weights_are_counted_and_the_limit_answers_429_then_418() -> None:
    with running_exchange(weight_limit=60, symbols="DOTUSDT") as exchange:
        first, then = (
            exchange.get(f"/api/v3/{path}").headers["X-MBX-USED-WEIGHT-1M"]
            for path in ("exchangeInfo", "time")
        )
        assert first == "20"
        assert then in {"21", "1"}  # 1 where a new minute has begun
        statuses = []
        with httpx.Client(base_url=exchange.http_url) as client:
            while 418 not in statuses:
                answer = client.get("/api/v3/exchangeInfo")
                statuses.append(answer.status_code)
                assert len(statuses) < 120
        assert 429 in statuses
        assert int(answer.headers["Retry-After"]) > 60
        assert answer.json()["code"] == -1003


def test_too_many_connection_attempts_are_refused() -> None:
    async def run(exchange: RunningExchange) -> None:
        for _ in range(3):
            async with joined(f"{exchange.ws_url}/ws"):
                pass

    with (
        running_exchange(connection_limit=2, symbols="DOTUSDT") as exchange,
        pytest.raises(InvalidStatus) as refused,
    ):
        asyncio.run(run(exchange))
    assert refused.value.response.status_code == 429


def faulty(exchange: RunningExchange, path: str, count: int, **fault: str | float) -> list[int]:
    """The ids of the aggregate trades sent under one fault, which is asked for while listening."""

    async def run() -> list[Frame]:
        frames: list[Frame] = []
        async with listening(exchange, path) as receive:
            held = exchange.admin("POST", "faults", fault)
            assert isinstance(held, dict)
            deadline = time.monotonic() + DEADLINE_S
            while len(frames) < count:
                assert time.monotonic() < deadline, f"not enough after {len(frames)} frames"
                frame = await receive()
                # A busy machine has sent a thousand more before the fault is there.
                if frame["data"]["E"] >= held["start_ms"]:  # type: ignore[index]
                    frames.append(frame)
        return frames

    try:
        return [frame["data"]["a"] for frame in asyncio.run(run())]  # type: ignore[index]
    finally:
        exchange.admin("DELETE", "faults")


BITCOIN = "/stream?streams=btcusdt@aggTrade"


def test_dropped_frames_are_missing_on_the_stream_and_there_on_rest(
    exchange: RunningExchange,
) -> None:
    ids = faulty(exchange, BITCOIN, 300, kind="drop", probability=0.2)
    missing = sorted(set(range(ids[0], ids[-1])) - set(ids))

    assert len(missing) > 20
    (row,) = trades_by_rest(exchange, "BTCUSDT", missing[0], missing[0])
    assert row["a"] == missing[0]


def test_duplicated_delayed_and_reordered_frames(exchange: RunningExchange) -> None:
    doubled = faulty(exchange, BITCOIN, 200, kind="duplicate", probability=0.2)
    swapped = faulty(exchange, BITCOIN, 200, kind="reorder", probability=0.2)
    delayed = faulty(exchange, BITCOIN, 300, kind="delay", probability=0.1, delay_ms=800)

    assert len(set(doubled)) < len(doubled)
    assert doubled == sorted(doubled)
    assert delayed != sorted(delayed)
    assert swapped != sorted(swapped)
    assert set(range(min(swapped), max(swapped) - 2)) <= set(swapped)


def test_malformed_frames_cannot_be_read(exchange: RunningExchange) -> None:
    with pytest.raises(orjson.JSONDecodeError):
        faulty(exchange, BITCOIN, 100_000, kind="malformed", probability=0.5, how="truncated")


def test_a_cut_breaks_the_connection_without_a_close_frame(exchange: RunningExchange) -> None:
    with pytest.raises(ConnectionClosed) as broken:
        faulty(exchange, BITCOIN, 100_000, kind="cut", after_ms=500)
    assert broken.value.rcvd is None


def test_a_silent_connection_stays_open_and_says_nothing(exchange: RunningExchange) -> None:
    async def run() -> tuple[Frame, int | None]:
        async with joined(f"{exchange.ws_url}{BITCOIN}") as old:
            await asyncio.wait_for(old.recv(), DEADLINE_S)
            exchange.admin("POST", "faults", {"kind": "silence"})
            await _until_silent(old)
            async with listening(exchange, BITCOIN) as new:
                return await new(), None

    try:
        frame, code = asyncio.run(run())
    finally:
        exchange.admin("DELETE", "faults")
    assert frame["stream"] == "btcusdt@aggTrade"
    assert code is None


async def _until_silent(socket: ClientConnection) -> None:
    """Read what was under way; trades would come many times a second if it were not silent."""
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        try:
            await asyncio.wait_for(socket.recv(), 1.0)
        except TimeoutError:
            return
    raise AssertionError("it is not silent")


def test_a_shutdown_is_announced_and_then_happens(exchange: RunningExchange) -> None:
    async def run() -> tuple[list[Frame], int]:
        async with joined(f"{exchange.ws_url}{BITCOIN}") as socket:
            exchange.admin("POST", "faults", {"kind": "shutdown", "grace_ms": 2_000})
            frames: list[Frame] = []
            try:
                async with asyncio.timeout(DEADLINE_S):
                    frames += [orjson.loads(message) async for message in socket]
            except ConnectionClosed:
                pass
            return frames, socket.close_code or 0

    try:
        frames, code = asyncio.run(run())
    finally:
        exchange.admin("DELETE", "faults")
    announced = [frame["data"] for frame in frames if frame["stream"] == "!serverShutdown"]
    assert [event["e"] for event in announced] == ["serverShutdown"]  # type: ignore[index]
    assert code == 1001


def test_connections_may_end_unannounced_as_old_ones_do(exchange: RunningExchange) -> None:
    async def run() -> tuple[int, str]:
        async with joined(f"{exchange.ws_url}/ws") as old:
            exchange.admin("POST", "faults", {"kind": "lifetime"})
            end = await closed(old)
        async with joined(f"{exchange.ws_url}{BITCOIN}") as young:
            await asyncio.wait_for(young.recv(), DEADLINE_S)
        return end

    try:
        assert asyncio.run(run()) == (1001, "24 hours")
    finally:
        exchange.admin("DELETE", "faults")


def test_rest_may_lag_behind_the_stream(exchange: RunningExchange) -> None:
    # Half a minute of this market: more than this test may stand still between its two looks.
    exchange.admin("POST", "faults", {"kind": "rest-lag", "lag_ids": 200, "lag_ms": 600_000})
    try:
        frames = collect(exchange, BITCOIN, 3)
        newest = exchange.get("/api/v3/aggTrades", symbol="BTCUSDT", limit=1).json()[0]
    finally:
        exchange.admin("DELETE", "faults")

    assert newest["a"] + 200 < frames[0]["data"]["a"]  # type: ignore[index]
    assert trades_by_rest(exchange, "BTCUSDT", newest["a"] + 1, newest["a"] + 1)


def test_rest_fails_as_often_as_asked(exchange: RunningExchange) -> None:
    for status, code in ((429, -1003), (418, -1003), (500, -1000), (503, -1008)):
        fault = {"kind": "rest-error", "status": status, "count": 2, "retry_after_s": 7}
        exchange.admin("POST", "faults", fault | {"path": "/api/v3/time"})
        answers = [exchange.get("/api/v3/time") for _ in range(3)]
        exchange.admin("DELETE", "faults")
        assert [answer.status_code for answer in answers] == [status, status, 200]
        assert answers[0].json()["code"] == code
        assert answers[0].headers.get("Retry-After") == ("7" if status < 500 else None)


def test_answers_without_trades_are_not_counted_as_ahead(exchange: RunningExchange) -> None:
    asked = {"symbol": "BTCUSDT", "limit": 1}
    exchange.admin("POST", "faults", {"kind": "rest-ahead", "count": 1, "by": 9})
    try:
        empty = exchange.get("/api/v3/aggTrades", **asked, startTime=START_MS * 2).json()
        (ahead,) = exchange.get("/api/v3/aggTrades", **asked, startTime=START_MS).json()
        (true,) = exchange.get("/api/v3/aggTrades", **asked, startTime=START_MS).json()
    finally:
        exchange.admin("DELETE", "faults")

    assert empty == []
    assert ahead["T"] == true["T"] + 9


def test_a_halt_is_a_pause_without_a_break_in_the_ids(exchange: RunningExchange) -> None:
    held = exchange.admin("POST", "faults", {"kind": "halt", "symbol": "ADAUSDT", "minutes": 2})
    assert isinstance(held, dict)
    start, end = held["start_ms"], held["end_ms"]
    deadline = time.monotonic() + 60
    trades: list[Frame] = []
    while not trades or trades[-1]["T"] < end:  # type: ignore[operator]
        assert time.monotonic() < deadline
        trades = exchange.get(
            "/api/v3/aggTrades", symbol="ADAUSDT", startTime=start - 2_000, limit=1000
        ).json()
    exchange.admin("DELETE", "faults")

    assert [t for t in trades if start <= t["T"] < end] == []  # type: ignore[operator]
    ids = [trade["a"] for trade in trades]
    assert ids == list(range(ids[0], ids[0] + len(ids)))  # type: ignore[operator]
    rows = exchange.get(
        "/api/v3/klines", symbol="ADAUSDT", interval="1m", startTime=start, endTime=end - 1
    ).json()
    assert [row[8] for row in rows] == [0, 0]


def test_an_unknown_fault_is_refused_with_its_reason(exchange: RunningExchange) -> None:
    answer = httpx.post(f"{exchange.http_url}/admin/faults", json={"kind": "meteor"})

    assert answer.status_code == 400
    assert "meteor" in answer.json()["error"]
    assert exchange.admin("GET", "faults") == {"faults": []}
    schema = exchange.admin("GET", "faults/schema")
    assert isinstance(schema, dict)
    assert "discriminator" in schema


def test_the_clock_can_be_stopped_and_moved() -> None:
    with running_exchange(start=START, speed=0, symbols="BTCUSDT") as exchange:
        before = exchange.get("/api/v3/time").json()["serverTime"]
        assert before == START_MS
        frames = asyncio.run(_advanced(exchange, 60_000))
        assert exchange.get("/api/v3/time").json()["serverTime"] == before + 60_000
    times = [frame["data"]["T"] for frame in frames]  # type: ignore[index]
    assert times == sorted(times)
    assert START_MS <= times[0] < START_MS + 10_000


async def _advanced(exchange: RunningExchange, by_ms: int) -> list[Frame]:
    async with listening(exchange, BITCOIN) as receive:
        exchange.admin("POST", "market", {"advance_ms": by_ms})
        last = START_MS + by_ms - 5_000
        return await until(receive, lambda f: bool(f) and f[-1]["data"]["T"] > last)  # type: ignore[index]


def test_a_server_that_stops_says_so_first() -> None:
    async def run(exchange: RunningExchange) -> tuple[list[Frame], int]:
        async with joined(f"{exchange.ws_url}/ws") as socket:
            exchange.process.terminate()
            frames: list[Frame] = []
            try:
                async with asyncio.timeout(DEADLINE_S):
                    frames += [orjson.loads(message) async for message in socket]
            except ConnectionClosed:
                pass
            return frames, socket.close_code or 0

    with running_exchange(symbols="DOTUSDT") as exchange:
        frames, code = asyncio.run(run(exchange))
    assert [frame["e"] for frame in frames] == ["serverShutdown"]
    assert code == 1001


def test_the_past_stays_where_it_was_when_started_again_months_later(tmp_path: Path) -> None:
    state = str(tmp_path / "exchange.json")
    answers = []
    for start in ("2025-03-01", "2025-06-20"):
        with running_exchange(start=start, state=state, symbols="BTCUSDT") as exchange:
            answers.append(
                exchange.get(
                    "/api/v3/klines", symbol="BTCUSDT", interval="1h", endTime=START_MS - 86_400_000
                ).json()
            )
    command = [sys.executable, "-m", "candlewick.exchange", "--state", state, "--seed", "7"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    assert answers[0] == answers[1]
    assert ended.returncode == 1
    assert "another market" in ended.stderr


def test_a_changed_symbol_may_be_left_out_and_come_back(tmp_path: Path) -> None:
    state = str(tmp_path / "exchange.json")
    counts = []
    for symbols in ("DOTUSDT,ETHUSDT", "DOTUSDT", "DOTUSDT,ETHUSDT"):
        with running_exchange(start=START, speed=0, state=state, symbols=symbols) as exchange:
            if not counts:
                halt = {"kind": "halt", "symbol": "ETHUSDT", "minutes": 2}
                exchange.admin("POST", "faults", halt)
            exchange.admin("POST", "market", {"advance_ms": 180_000})
            asked = {"interval": "1m", "startTime": START_MS + 20_000, "limit": 2}
            rows = exchange.get("/api/v3/klines", symbol=symbols[-7:], **asked).json()
            counts.append(sum(row[8] for row in rows))

    assert counts[0] == counts[2] == 0
    assert counts[1] > 0


def test_a_halt_and_ids_that_began_again_stay_in_the_past_after_a_restart(tmp_path: Path) -> None:
    state, symbols = str(tmp_path / "exchange.json"), "DOTUSDT,ETHUSDT"

    def past(exchange: RunningExchange) -> list[object]:
        return [
            exchange.get("/api/v3/aggTrades", symbol=symbol, fromId=first, limit=3).json()
            for symbol, first in (("DOTUSDT", 0), ("ETHUSDT", last_id))
        ]

    with running_exchange(start=START, speed=0, state=state, symbols=symbols) as exchange:
        exchange.admin("POST", "faults", {"kind": "halt", "symbol": "ETHUSDT", "minutes": 2})
        exchange.admin("POST", "faults", {"kind": "reset-ids", "symbol": "DOTUSDT"})
        exchange.admin("POST", "market", {"advance_ms": 240_000})
        last_id = exchange.get("/api/v3/aggTrades", symbol="ETHUSDT", limit=1).json()[0]["a"] - 2
        before = past(exchange)
    with running_exchange(start=START, speed=0, state=state, symbols=symbols) as exchange:
        exchange.admin("POST", "market", {"advance_ms": 240_000})
        after = past(exchange)

    assert before == after
    assert [row["a"] for row in after[0]] == [0, 1, 2]  # type: ignore[attr-defined]


def test_rest_and_archives_have_no_klines_of_a_halt_without_trading(tmp_path: Path) -> None:
    state = str(tmp_path / "exchange.json")
    archive = "/data/spot/daily/klines/ETHUSDT/1m/ETHUSDT-1m-2025-03-01.zip"
    asked = {"symbol": "ETHUSDT", "interval": "1m", "startTime": START_MS, "limit": 1}
    told, found = [], []
    for is_first in (True, False):
        with running_exchange(start=START, speed=0, state=state, symbols="ETHUSDT") as exchange:
            if is_first:
                halt = {"kind": "halt", "symbol": "ETHUSDT", "minutes": 5, "status": "BREAK"}
                exchange.admin("POST", "faults", halt)
            exchange.admin("POST", "market", {"advance_ms": 60_000})
            told.append(exchange.get("/api/v3/exchangeInfo").json()["symbols"][0]["status"])
            exchange.admin("POST", "market", {"advance_ms": 40 * 3_600_000})
            exchange.admin("DELETE", "faults")
            ((first_ms, *_),) = exchange.get("/api/v3/klines", **asked).json()
            zipped = zipfile.ZipFile(io.BytesIO(exchange.get(archive).content))
            found.append((first_ms, len(zipped.read(zipped.namelist()[0]).splitlines())))

    assert told == ["BREAK", "BREAK"]
    assert found == [(START_MS + 20_000 + 5 * 60_000, 1440 - 5)] * 2


def test_a_capture_is_served_as_a_market() -> None:
    captures = tuple(str(DATA / f"btcusdt_2024080{day}_trades.gz") for day in (8, 9))
    with running_exchange(capture=captures, start="2024-08-09T00:05:04", speed=1) as exchange:
        (frame,) = collect(exchange, BITCOIN, 1)
        trade = frame["data"]
        assert trade["a"] == trade["f"] == trade["l"]  # type: ignore[index]
        for line in (DATA / "BTCUSDT-5m-20240809.csv").read_text().splitlines():
            fields = line.split(",")
            (row,) = exchange.get(
                "/api/v3/klines", symbol="BTCUSDT", interval="5m", startTime=fields[0], limit=1
            ).json()
            assert [str(value) for value in row] == fields


def test_a_capture_begins_at_its_beginning() -> None:
    capture = str(DATA / "combined_20210404.gz")
    with running_exchange(capture=capture, speed=40) as exchange:
        frames = collect(exchange, "/stream?streams=btcusdt@aggTrade", 1_000)

    ids = [frame["data"]["a"] for frame in frames]  # type: ignore[index]
    assert ids == list(range(ids[0], ids[0] + 1_000))
    assert ids[0] - 665_076_760 < 200


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--fault", "meteor"], "meteor"),
        (["--symbols", "FOOUSDT"], "unknown symbol FOOUSDT"),
        (["--capture", "/nonexistent.gz"], "nonexistent"),
        (["--start", "yesterday"], "yesterday"),
        (["--host", "192.0.2.7"], "another --host"),
    ],
)
def test_a_wrong_option_is_one_clear_line(arguments: list[str], says: str) -> None:
    command = [sys.executable, "-m", "candlewick.exchange", *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    assert ended.returncode == 1
    assert says in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


def test_a_taken_port_is_one_clear_line(exchange: RunningExchange) -> None:
    command = [sys.executable, "-m", "candlewick.exchange", "--port", str(exchange.port)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    assert ended.returncode == 1
    assert "another --port" in ended.stderr
