"""Benchmark of the API: latency of requests, and of events to a thousand subscribers.

    python bench/bench_api.py [--clients 1000] [--rate 500] [--seconds 10]

Starts a Kafka, a ClickHouse and one API process in a temporary folder, with a market of two
symbols. Then measures one after the other, from this process on the same machine:
- `/predict`, open loop: requests are sent by the clock, whether or not the last one was answered,
  and a latency counts from the time at which its request was due;
- the stream: predictions of 11 symbols by 4 models are written to Kafka every 2 seconds and sent to
  every client; a latency counts from just before the write until the client has read the event;
- `/v1/candles` over 30 days of 15m candles, compared with the same query sent to ClickHouse
  directly: once for a symbol whose candles are all whole, and once for one with gapped candles, for
  which the exchange's candles are read too.
"""

import argparse
import asyncio
import json
import re
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import numpy as np
import psutil
from confluent_kafka import Producer

sys.path.insert(0, str(Path(__file__).parents[1]))

from api.queries.candles import CandleQuery, Origin, candle_parameters, candle_sql
from api.queries.clickhouse import Reader
from schemas import topics
from schemas.codecs import encode
from schemas.predictions import Prediction
from schemas.settings import ClickHouseSettings
from schemas.timeframe import Interval
from tests.support.api_market import QUARTER_MS, a_prediction
from tests.support.api_stage import Stage, running_stage
from tests.support.builders import START_MS

ISSUED = re.compile(rb'"issued_ms":([0-9]{13})')
SYMBOLS = [f"COIN{n}USDT" for n in range(11)]
MODELS = ("blend", "batch", "online", "reference")
BATCH = len(SYMBOLS) * len(MODELS)
WHOLE, GAPPED = "ETHUSDT", "BTCUSDT"
MONTH = {"from": START_MS, "to": START_MS + 2880 * QUARTER_MS, "limit": 5000}
PREDICT = "/predict?symbol=BTCUSDT"
CONNECTIONS = 25
ROUNDS = 5
PAUSE_S = 2.0
PATIENCE_S = 20.0


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=1000)
    parser.add_argument("--rate", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=10.0)
    asked = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        running_stage(Path(folder), STREAM_QUEUE="2000", STREAM_CLIENTS_OF_ONE="2000") as stage,
    ):
        await measure_predict(stage, asked.rate, asked.seconds)
        await measure_stream(stage, asked.clients)
        measure_candles(stage)


def say_times(name: str, seconds: list[float]) -> None:
    p50, p99 = np.percentile(np.array(seconds) * 1000, [50, 99])
    print(f"{name}: p50 {p50:.1f} ms, p99 {p99:.1f} ms, most {max(seconds) * 1000:.1f} ms")


async def measure_predict(stage: Stage, rate: int, seconds: float) -> None:
    process = psutil.Process(stage.api.process.pid)
    await ask_by_the_clock(stage, rate, 1.0)
    cpu, began = process.cpu_times(), time.perf_counter()
    times = await ask_by_the_clock(stage, rate, seconds)
    took = time.perf_counter() - began
    used = process.cpu_times()
    busy = (used.user + used.system - cpu.user - cpu.system) / took
    say_times(f"/predict, {len(times) / took:.0f} requests/s on one worker", times)
    print(f"    the API's CPU: {busy:.0%} of a core")


async def ask_by_the_clock(
    stage: Stage, rate: int, seconds: float, path: str = PREDICT
) -> list[float]:
    began = time.perf_counter() + 0.1
    connections = min(CONNECTIONS, rate)
    every = connections / rate
    lanes = [
        lane(stage, path, [began + n / rate + k * every for k in range(int(seconds / every))])
        for n in range(connections)
    ]
    return [took for times in await asyncio.gather(*lanes) for took in times]


async def lane(stage: Stage, path: str, due: list[float]) -> list[float]:
    """Send requests on one connection; return the seconds from each due time to the answer."""
    place = urlsplit(stage.api.url)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    request = f"GET {path} HTTP/1.1\r\nHost: {place.netloc}\r\n\r\n".encode()
    times = []
    for moment in due:
        await asyncio.sleep(max(0.0, moment - time.perf_counter()))
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), head
        length = next(line for line in head.lower().splitlines() if line.startswith(b"content-len"))
        await reader.readexactly(int(length.split(b":")[1]))
        times.append(time.perf_counter() - moment)
    writer.close()
    return times


async def measure_stream(stage: Stage, clients: int) -> None:
    delays: list[float] = []
    async with followed(stage, clients, delays):
        await send_rounds(stage)
    say_times(f"/v1/stream, {clients} clients, {len(delays)} predictions received", delays)
    memory = psutil.Process(stage.api.process.pid).memory_info().rss
    print(f"    the API's memory with them: {memory / 1e6:.0f} MB")


@asynccontextmanager
async def followed(stage: Stage, clients: int, delays: list[float]) -> AsyncIterator[None]:
    """Have that many clients connected, which end with the last event of all rounds."""
    tasks = [asyncio.create_task(follow(stage, BATCH, delays)) for _ in range(clients)]
    async with httpx.AsyncClient(base_url=stage.api.url) as client:
        while f"stream_clients {clients}.0" not in (await client.get("/metrics")).text:  # noqa: ASYNC110 - another process is waited for
            await asyncio.sleep(0.1)
    yield
    await asyncio.wait_for(asyncio.gather(*tasks), 60)


async def send_rounds(stage: Stage) -> None:
    """Write a prediction of each symbol by each model, every two seconds."""
    config = {"bootstrap.servers": stage.kafka.bootstrap, "linger.ms": 1}
    producer = Producer(config | {"partitioner": "murmur2_random"})
    producer.list_topics(timeout=PATIENCE_S)
    for _ in range(ROUNDS):
        for answer in answers_now():
            producer.produce(topics.PREDICTIONS.name, encode(answer), key=answer.symbol)
        await asyncio.to_thread(producer.flush, PATIENCE_S)
        await asyncio.sleep(PAUSE_S)


def answers_now() -> list[Prediction]:
    now_ms = time.time_ns() // 1_000_000
    base = a_prediction(open_ms=now_ms // QUARTER_MS * QUARTER_MS)
    left = (base.close_ms - now_ms) / 60_000
    return [
        replace(base, symbol=symbol, model=model, issued_ms=now_ms, minutes_to_close=left)
        for symbol in SYMBOLS
        for model in MODELS
    ]


async def follow(stage: Stage, batch: int, delays: list[float]) -> None:
    """Read as one subscriber until it has every prediction, and record the age of each."""
    place = urlsplit(stage.api.url)
    reader, writer = await asyncio.open_connection(place.hostname, place.port, limit=1 << 20)
    writer.write(
        f"GET /v1/stream?kinds=prediction HTTP/1.1\r\nHost: {place.netloc}\r\n\r\n".encode()
    )
    await reader.readuntil(b"\r\n\r\n")
    rest, count = b"", 0
    while count < batch * ROUNDS:
        data = rest + await reader.read(1 << 18)
        now_s = time.time()
        whole, _, rest = data.rpartition(b"\n\n")
        issued = ISSUED.findall(whole)
        delays += [now_s - int(issued_ms) / 1000 for issued_ms in issued]
        count += len(issued)
    writer.close()


def measure_candles(stage: Stage) -> None:
    fill(stage)
    measure_month(stage, WHOLE, Origin.TRADES, "ours are whole")
    measure_month(stage, GAPPED, Origin.BEST, "every 50th of ours is gapped")


def fill(stage: Stage) -> None:
    """Store whole candles for one symbol, and the exchange's candles for both."""
    ours = "SELECT * REPLACE('complete' AS status, revision + 1 AS revision) FROM candles"
    theirs = "SELECT * REPLACE('official' AS status, 'stream' AS source) FROM candles FINAL"
    copies = f"INSERT INTO candles {ours} WHERE symbol = '{WHOLE}'", f"INSERT INTO klines {theirs}"
    with stage.clickhouse.client(database="candlewick") as client:
        for copy in copies:
            client.command(copy)


def measure_month(stage: Stage, symbol: str, origin: Origin, what: str) -> None:
    server = stage.clickhouse
    account = {"url": server.url, "reader_password": server.reader_password}
    reader = Reader(ClickHouseSettings.model_validate(account))
    query = CandleQuery(
        (symbol,),
        Interval.FIFTEEN_MINUTES,
        5000,
        from_ms=START_MS,
        until_ms=START_MS + 2880 * QUARTER_MS,
        origin=origin,
    )
    sql, bound = candle_sql(query), candle_parameters(query)
    through, straight = [], []
    with stage.api.client() as client:
        for _ in range(110):
            began = time.perf_counter()
            answer = client.get("/v1/candles", params=MONTH | {"symbol": symbol})
            through.append(time.perf_counter() - began)
            began = time.perf_counter()
            rows = reader.lines(sql, bound)
            straight.append(time.perf_counter() - began)
    assert len(json.loads(answer.content)["data"]) == len(rows) == 2880
    say_times(f"/v1/candles, 30 days of 15m, {what}", through[10:])
    say_times("    the same query straight to ClickHouse", straight[10:])


if __name__ == "__main__":
    asyncio.run(main())
