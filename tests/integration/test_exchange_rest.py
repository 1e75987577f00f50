"""What clients ask the simulated exchange for on their way to candles, and what it refuses."""

import asyncio
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import httpx
import orjson
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from candlewick.exchange.market.intervals import INTERVALS, epoch_ms
from candlewick.exchange.server.answered import ANSWERED
from candlewick.exchange.streams.names import STREAMS
from tests.support.servers import RunningExchange, running_exchange

START = "2025-03-12T13:37:41"
START_MS = epoch_ms(START)
DEADLINE_S = 20.0


@pytest.fixture(scope="module")
def exchange() -> Iterator[RunningExchange]:
    """A market that stands still, so that all its answers are of one moment."""
    with running_exchange(start=START, speed=0) as running:
        yield running


def rows(exchange: RunningExchange, path: str, **params: str | int) -> list[dict[str, object]]:
    answer = exchange.get(f"/api/v3/{path}", **params)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, object]] = answer.json()
    return found


@pytest.mark.parametrize("interval", INTERVALS)
def test_klines_of_every_interval_are_answered(exchange: RunningExchange, interval: str) -> None:
    asked = {"symbol": "SOLUSDT", "interval": interval, "limit": 3}
    found = exchange.get("/api/v3/klines", **asked).json()

    assert len(found) == 3
    assert [row[6] + 1 for row in found[:-1]] == [row[0] for row in found[1:]]
    assert found[-1][0] <= START_MS - 2 <= found[-1][6]


def test_months_have_a_time_zone_only_if_it_is_utc(exchange: RunningExchange) -> None:
    asked: dict[str, str | int] = {"symbol": "SOLUSDT", "interval": "1M", "limit": 1}
    march = epoch_ms("2025-03-01")

    assert exchange.get("/api/v3/klines", **asked, timeZone="0").json()[0][0] == march
    assert exchange.get("/api/v3/klines", **asked, timeZone="8").json()["code"] == -1130


def test_trades_are_the_fills_of_the_aggregates(exchange: RunningExchange) -> None:
    trades = rows(exchange, "trades", symbol="BTCUSDT", limit=1_000)
    aggregates = rows(exchange, "aggTrades", symbol="BTCUSDT", limit=500)
    first, last = int(str(aggregates[0]["f"])), int(str(aggregates[-1]["l"]))

    assert [trade["id"] for trade in trades] == list(range(last - 999, last + 1))
    by_id = {trade["id"]: trade for trade in trades}
    for aggregate in aggregates:
        ids = range(int(str(aggregate["f"])), int(str(aggregate["l"])) + 1)
        if ids[0] not in by_id:
            continue
        fills = [by_id[number] for number in ids]
        assert {fill["price"] for fill in fills} == {aggregate["p"]}
        assert sum(e8(fill["qty"]) for fill in fills) == e8(aggregate["q"])
        assert {fill["time"] for fill in fills} == {aggregate["T"]}
        assert {fill["isBuyerMaker"] for fill in fills} == {aggregate["m"]}
        assert all(
            e8(fill["quoteQty"]) == e8(fill["price"]) * e8(fill["qty"]) // 10**8 for fill in fills
        )
    assert len(rows(exchange, "trades", symbol="BTCUSDT")) == 500
    assert first in by_id


def e8(text: object) -> int:
    return int(str(text).replace(".", ""))


def test_trades_of_the_past_are_found_by_their_id(exchange: RunningExchange) -> None:
    def asked(**params: int) -> list[dict[str, object]]:
        return rows(exchange, "historicalTrades", symbol="DOTUSDT", **params)

    newest = rows(exchange, "trades", symbol="DOTUSDT", limit=1)[0]
    head = int(str(newest["id"]))
    past = head - 5_000
    found, again = asked(fromId=past, limit=700), asked(fromId=past + 350, limit=10)

    assert [trade["id"] for trade in found] == list(range(past, past + 700))
    assert found[350:360] == again
    assert asked(fromId=head + 1) == []
    assert asked(limit=1) == [newest]
    assert asked(fromId=0, limit=1)[0]["id"] == 0


def test_tickers_are_those_of_the_last_trade(exchange: RunningExchange) -> None:
    for symbol in ("BTCUSDT", "DOTUSDT"):
        (last,) = rows(exchange, "aggTrades", symbol=symbol, limit=1)
        price = exchange.get("/api/v3/ticker/price", symbol=symbol).json()
        book = exchange.get("/api/v3/ticker/bookTicker", symbol=symbol).json()

        assert price == {"symbol": symbol, "price": last["p"]}
        assert book["bidPrice" if last["m"] else "askPrice"] == last["p"]
        assert e8(book["bidPrice"]) < e8(book["askPrice"])
        assert book["bidQty"] == book["askQty"] == last["q"]


def test_tickers_are_of_one_symbol_of_some_or_of_all(exchange: RunningExchange) -> None:
    for path in ("ticker/price", "ticker/bookTicker", "ticker/24hr"):
        one = exchange.get(f"/api/v3/{path}", symbol="ETHUSDT").json()
        some = rows(exchange, path, symbols='["ETHUSDT","ADAUSDT"]')
        every = rows(exchange, path)

        assert [row["symbol"] for row in some] == ["ETHUSDT", "ADAUSDT"]
        assert some[0] == one
        assert len(every) == 11
        assert {tuple(row) for row in every} == {tuple(one)}


def test_the_ticker_of_a_day_is_that_of_its_minutes(exchange: RunningExchange) -> None:
    day = exchange.get("/api/v3/ticker/24hr", symbol="XRPUSDT").json()
    asked = {"symbol": "XRPUSDT", "interval": "1m", "limit": 720}
    late = exchange.get("/api/v3/klines", **asked).json()
    early = exchange.get("/api/v3/klines", **asked, endTime=late[0][0] - 1).json()
    minutes = early + late
    mini = exchange.get("/api/v3/ticker/24hr", symbol="XRPUSDT", type="MINI").json()

    assert (day["openTime"], day["closeTime"]) == (minutes[0][0], START_MS - 2)
    assert (day["openPrice"], day["lastPrice"]) == (minutes[0][1], minutes[-1][4])
    assert e8(day["highPrice"]) == max(e8(row[2]) for row in minutes)
    assert e8(day["volume"]) == sum(e8(row[5]) for row in minutes)
    assert day["count"] == sum(row[8] for row in minutes) == day["lastId"] - day["firstId"] + 1
    change = e8(day["lastPrice"]) - e8(day["openPrice"])
    assert e8(day["priceChange"]) == change
    assert set(mini) < set(day)
    assert mini == {name: day[name] for name in mini}


def test_weights_are_those_of_the_documents(exchange: RunningExchange) -> None:
    def used() -> int:
        return int(exchange.get("/api/v3/ping").headers["X-MBX-USED-WEIGHT-1M"])

    many = orjson.dumps([f"SIM{at}USDT" for at in range(1, 30)]).decode()
    with running_exchange(start=START, speed=0, symbols="BTCUSDT") as alone:
        exchange = alone
        for path, params, weight in (
            ("klines", {"symbol": "BTCUSDT", "interval": "1m"}, 2),
            ("trades", {"symbol": "BTCUSDT"}, 25),
            ("ticker/price", {"symbol": "BTCUSDT"}, 2),
            ("ticker/price", {}, 4),
            ("ticker/bookTicker", {"symbols": '["BTCUSDT"]'}, 4),
            ("ticker/24hr", {"symbol": "BTCUSDT"}, 2),
            ("ticker/24hr", {"symbols": many}, 40),
            ("ticker/24hr", {}, 80),
        ):
            before = used()
            exchange.get(f"/api/v3/{path}", **params)
            after = used()
            if after > before:  # otherwise a new minute has begun
                assert after - before == weight + 1, (path, params)


@pytest.mark.parametrize(
    ("path", "params", "code"),
    [
        ("trades", {}, -1102),
        ("trades", {"symbol": "btcusdt"}, -1100),
        ("trades", {"symbol": "BTCUSDT", "fromId": 1}, -1104),
        ("historicalTrades", {"symbol": "FOO"}, -1121),
        ("ticker/price", {"symbol": "FOO"}, -1121),
        ("ticker/price", {"symbol": "BTCUSDT", "symbols": '["BTCUSDT"]'}, -1128),
        ("ticker/price", {"symbols": "BTCUSDT"}, -1100),
        ("ticker/price", {"symbols": "[1]"}, -1100),
        ("ticker/price", {"symbols": '["BTCUSDT","BTCUSDT"]'}, -1101),
        ("ticker/24hr", {"type": "HUGE"}, -1139),
        ("ticker/24hr", {"symbolStatus": "GONE"}, -1122),
        ("ticker/24hr", {"symbol": "BTCUSDT", "symbolStatus": "HALT"}, -1220),
    ],
)
def test_a_wrong_request_has_binances_code(
    exchange: RunningExchange, path: str, params: dict[str, str | int], code: int
) -> None:
    answer = exchange.get(f"/api/v3/{path}", **params)

    assert (answer.status_code, answer.json()["code"]) == (400, code)


def test_a_halted_symbol_is_told_apart_by_its_status() -> None:
    with running_exchange(start=START, speed=0, symbols="BTCUSDT,ADAUSDT") as running:
        halt = {"kind": "halt", "symbol": "ADAUSDT", "minutes": 9, "status": "BREAK"}
        running.admin("POST", "faults", halt)
        running.admin("POST", "market", {"advance_ms": 120_000})

        def asked(status: str) -> list[object]:
            return [row["symbol"] for row in rows(running, "ticker/price", symbolStatus=status)]

        assert asked("TRADING") == ["BTCUSDT"]
        assert asked("BREAK") == ["ADAUSDT"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/v3/depth?symbol=BTCUSDT"),
        ("GET", "/api/v3/avgPrice?symbol=BTCUSDT"),
        ("GET", "/api/v3/uiKlines"),
        ("POST", "/api/v3/order"),
        ("GET", "/sapi/v1/capital/config/getall"),
        ("GET", "/fapi/v1/exchangeInfo"),
        ("GET", "/"),
    ],
)
def test_what_is_not_served_is_refused_in_binances_words(
    exchange: RunningExchange, method: str, path: str
) -> None:
    answer = httpx.request(method, f"{exchange.http_url}{path}")

    assert answer.status_code == 404
    assert answer.headers["Content-Type"].startswith("application/json")
    assert answer.json() == {"code": -1020, "msg": "This operation is not supported."}


def test_the_list_of_paths_is_what_is_answered(exchange: RunningExchange) -> None:
    assert set(ANSWERED) >= {"klines", "trades", "ticker/price", "ticker/bookTicker"}
    for name in ANSWERED:
        answer = exchange.get(f"/api/v3/{name}", symbol="BTCUSDT", interval="1m")
        assert answer.status_code == 200 or answer.json()["code"] == -1104
        posted = httpx.post(f"{exchange.http_url}/api/v3/{name}")
        assert (posted.status_code, posted.json()["code"]) == (405, -1020)


def subscribed(exchange: RunningExchange, name: str) -> dict[str, object]:
    async def run() -> dict[str, object]:
        async with connect(f"{exchange.ws_url}/ws", compression=None) as ws:
            await ws.send(orjson.dumps({"method": "SUBSCRIBE", "params": [name], "id": 1}).decode())
            answer: dict[str, object] = orjson.loads(await asyncio.wait_for(ws.recv(), DEADLINE_S))
            return answer

    return asyncio.run(run())


@pytest.mark.parametrize(
    "name",
    [
        "btcusdt@depth",
        "btcusdt@depth20@100ms",
        "btcusdt@ticker",
        "btcusdt@ticker_1h",
        "btcusdt@avgPrice",
        "btcusdt@kline_1d@+08:00",
        "!ticker_1h@arr",
    ],
)
def test_a_stream_that_only_binance_has_is_refused_and_never_silent(
    exchange: RunningExchange, name: str
) -> None:
    error = subscribed(exchange, name)["error"]

    assert error == {"code": 2, "msg": f"Invalid request: stream `{name}` is not supported"}
    with pytest.raises(InvalidStatus) as refused:
        asyncio.run(opened(f"{exchange.ws_url}/stream?streams=btcusdt@trade/{quote(name)}"))
    response = refused.value.response
    assert response.status_code == 404
    assert response.body is not None
    assert orjson.loads(response.body)["code"] == -1020


async def opened(url: str) -> None:
    async with connect(url, compression=None):
        pass


def test_every_stream_of_the_list_sends_frames() -> None:
    names = [name.replace("<symbol>", "btcusdt").replace("<interval>", "1m") for name in STREAMS]
    names += ["btcusdt@kline_1s", "btcusdt@kline_1M", "!miniTicker@arr@1000ms"]

    async def run(url: str) -> set[str]:
        seen: set[str] = set()
        async with asyncio.timeout(DEADLINE_S), connect(url, compression=None) as ws:
            while seen < set(names):
                seen.add(orjson.loads(await ws.recv())["stream"])
        return seen

    with running_exchange(start=START, speed=3, symbols="BTCUSDT") as running:
        url = f"{running.ws_url}/stream?streams={'/'.join(names)}"
        assert asyncio.run(run(url)) == set(names)


def test_each_closed_second_of_the_stream_is_that_of_rest() -> None:
    async def run(url: str) -> list[dict[str, object]]:
        closed: list[dict[str, object]] = []
        async with asyncio.timeout(DEADLINE_S), connect(url, compression=None) as ws:
            while len(closed) < 30:
                kline = orjson.loads(await ws.recv())["k"]
                closed += [kline] if kline["x"] else []
        return closed

    with running_exchange(start=START, speed=10, symbols="LTCUSDT") as running:
        found = asyncio.run(run(f"{running.ws_url}/ws/ltcusdt@kline_1s"))
        first = int(str(found[0]["t"]))
        served = running.get(
            "/api/v3/klines", symbol="LTCUSDT", interval="1s", startTime=first, limit=30
        ).json()
    names = ("t", "o", "h", "l", "c", "v", "T", "q", "n", "V", "Q")
    assert [[kline[name] for name in names] for kline in found] == [row[:11] for row in served]


def test_a_chart_is_of_some_days_or_of_all(exchange: RunningExchange) -> None:
    def chart(days: str) -> httpx.Response:
        return exchange.get("/api/v3/coins/bitcoin/market_chart", days=days)

    assert len(chart("3").json()["prices"]) == 4
    assert chart("max").json() == chart("365").json() == chart("9000").json()
    assert {chart(days).status_code for days in ("abc", "-1", "", "²")} == {422}


# Memory and work


def status_of(exchange: RunningExchange, name: str) -> int:
    text = Path(f"/proc/{exchange.pid}/status").read_text()
    return int(next(line for line in text.splitlines() if line.startswith(name)).split()[1])


def cpu_s(exchange: RunningExchange) -> float:
    cells = Path(f"/proc/{exchange.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(cells[11]) + int(cells[12])) / 100


def test_long_klines_are_made_once_and_leave_little_memory_behind(
    exchange: RunningExchange,
) -> None:
    asked = {"symbol": "ETHUSDT", "interval": "1d", "limit": 500}
    before_kb = status_of(exchange, "VmRSS")
    first = exchange.get("/api/v3/klines", **asked).json()
    after_kb, before_s = status_of(exchange, "VmHWM"), cpu_s(exchange)

    assert len(first) == 500
    assert after_kb - before_kb < 60_000
    assert exchange.get("/api/v3/klines", **asked).json() == first
    assert cpu_s(exchange) - before_s < 0.3


def test_work_ends_when_the_client_has_left(exchange: RunningExchange) -> None:
    before_s = cpu_s(exchange)
    asked = "GET /api/v3/klines?symbol=BNBUSDT&interval=1w HTTP/1.1\r\nHost: x\r\n\r\n"
    with socket.create_connection(("127.0.0.1", exchange.port)) as client:
        client.sendall(asked.encode())
        until(lambda: cpu_s(exchange) > before_s + 0.1)
    spent = cpu_s(exchange)

    def is_idle() -> bool:
        nonlocal spent
        was, spent = spent, cpu_s(exchange)
        return spent - was < 0.02

    until(is_idle, every_s=0.5)
    assert cpu_s(exchange) - before_s < 2.0  # all 3,000 days take several times as long


def until(holds: Callable[[], bool], *, every_s: float = 0.01) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(every_s)
