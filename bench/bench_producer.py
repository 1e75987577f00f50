"""Benchmark of the stream's producer: from websocket frames to blocks in Kafka.

    .venv/bin/python -m bench.bench_producer [--trades 300000] [--seconds 20] [--rounds 2]

Three parts. In memory: frames to encoded blocks on one core, the usual frames' way beside the way
of all others. Flood: frames through a real websocket into a real Kafka, as fast as the producer
reads. Live: 5,000 trades a second, one by one. Each beside a plain producer that sends a JSON
message a trade; CPU (user and system) of producer and broker, in seconds a million trades. Live,
also the time from a trade's send to its arrival at a consumer. The machine's speed drifts, so the
contestants take turns; medians of the rounds.
"""

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import orjson
import psutil
from confluent_kafka import Consumer, TopicPartition

from bench.trade_frames import A_SECOND, SYMBOLS, trade_frames
from clients.clock import steady_ms
from producers.trades.counters import Counts
from producers.trades.dispatch import Dispatch
from producers.trades.exchange_clock import ExchangeClock
from producers.trades.kline_stream import KlineFlow
from producers.trades.packing.flush_tick import FlushTick
from producers.trades.symbol_stream import SymbolFlow
from schemas import codecs, topics
from schemas.market import TradeBlock
from schemas.settings import Settings
from tests.support.servers import RunningKafka, running_kafka

A_READ = 500
A_TICK = A_SECOND // 20
WITHIN_S = 120.0
DESIGNS = {
    "plain": ("plain", "websockets"),
    "ours": ("ours", "websockets"),
    "ours, picows": ("ours", "picows"),
    "reading alone": ("read", "websockets"),
    "reading alone, picows": ("read", "picows"),
}


class Sink:
    """Encodes blocks, and counts them."""

    def __init__(self) -> None:
        self.trades = 0

    def send(self, record: object) -> bool:
        assert isinstance(record, TradeBlock)
        codecs.encode(record)
        self.trades += len(record)
        return True

    def send_dead_letter(self, *_: object) -> bool:
        raise AssertionError("no frame is wrong")


class Socket:
    """What a dispatch needs of a connection."""

    newest_event_ms = -1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trades", type=int, default=300_000)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--designs", nargs="+", default=list(DESIGNS))
    arguments = parser.parse_args()
    in_memory(arguments.trades // 3, arguments.rounds)
    with tempfile.TemporaryDirectory() as folder, running_kafka(Path(folder)) as kafka:
        for title, count, rate in (
            ("flood", arguments.trades, 0),
            ("live", arguments.seconds * A_SECOND, A_SECOND),
        ):
            found: dict[str, list[list[float]]] = {}
            for _ in range(arguments.rounds):
                for name in arguments.designs:
                    found.setdefault(name, []).append(race(kafka, name, count, rate))
            print(f"\n{title}, CPU s a million trades")
            heads = ("producer", "broker", "trades/s", "messages", "p50 ms", "p99 ms")
            print(" " * 24, *(f"{head:>9}" for head in heads))
            for name, rows in found.items():
                print(f"{name:24}", *(f"{value:9,.1f}" for value in np.median(rows, axis=0)))


def in_memory(count: int, rounds: int) -> None:
    frames = trade_frames(count, time.time_ns() // 1_000_000)
    ways: dict[str, Callable[[], int]] = {
        "orjson.loads alone": lambda: sum(bool(orjson.loads(one)) for one in frames),
        "the way of all frames": lambda: to_blocks(frames, 1, quick=False),
        "usual frames one by one": lambda: to_blocks(frames, 1, quick=True),
        f"usual frames, {A_READ} a read": lambda: to_blocks(frames, A_READ, quick=True),
    }
    found: dict[str, list[float]] = {}
    for _ in range(rounds):
        for name, way in ways.items():
            began = time.process_time()
            assert way() == count
            found.setdefault(name, []).append((time.process_time() - began) / count * 1e6)
    print("in memory, CPU s a million trades")
    for name, values in found.items():
        print(f"{name:30} {np.median(values):6.2f}  ({min(values):.2f} to {max(values):.2f})")


def to_blocks(frames: Sequence[bytes], a_read: int, *, quick: bool) -> int:
    """Frames through the dispatch, flushed 20 times a second of the market; returns the trades."""

    async def run() -> int:
        sink, socket, settings, counts = Sink(), Socket(), Settings(), Counts()
        clock, tick = ExchangeClock(ahead_ms=5_000), FlushTick(settings.stream)
        outlet = cast("Any", sink)
        flows = {
            name: SymbolFlow(
                name,
                outlet,
                settings,
                counts,
                lambda: socket.newest_event_ms,
                clock=clock,
                tick=tick,
            )
            for name in SYMBOLS
        }
        for flow in flows.values():
            flow.continuity.start(1, now_ms=steady_ms(), silent=True)
        klines = KlineFlow(outlet, counts, lambda _: socket.newest_event_ms, clock, lambda _: True)
        dispatch = Dispatch(flows, klines, outlet, counts, clock)
        if not quick:
            usual = cast("Any", dispatch._usual)  # noqa: SLF001 - what is compared
            usual.take = lambda _socket, _frames, at: at
        for at in range(0, len(frames), a_read):
            dispatch.take(cast("Any", socket), frames[at : at + a_read])
            if at % A_TICK < a_read or at + a_read >= len(frames):
                for flow in flows.values():
                    flow.flush()
        return sink.trades

    return asyncio.run(run())


def race(kafka: RunningKafka, name: str, count: int, rate: int) -> list[float]:
    """Run one design; returns CPU of producer and broker, trades a second, messages, delays."""
    kind, client = DESIGNS[name]
    server = start("bench.trade_frames", str(count), str(rate))
    port = line_of(server, "LISTENING").split()[1]
    url = f"ws://127.0.0.1:{port}"
    environment = {"CANDLEWICK_STREAM__WEBSOCKET_CLIENT": client}
    producer = start("bench.trade_producers", kind, str(count), url, kafka.bootstrap, **environment)
    arrivals = Arrivals(kafka.bootstrap, is_json=kind == "plain")
    try:
        line_of(producer, "READY")
        line_of(server, "CLIENT")
        before, broker, began = cpu(producer.pid), cpu(kafka.pid), time.perf_counter()
        tell(server)
        messages = float(line_of(producer, "DONE").split()[1])
        took = time.perf_counter() - began
        used = (cpu(producer.pid) - before) / count * 1e6
        p50_ms, p99_ms = arrivals.percentiles() if rate and kind != "read" else (0.0, 0.0)
        load = (cpu(kafka.pid) - broker) / count * 1e6
        return [used, load, count / took, messages, p50_ms, p99_ms]
    finally:
        arrivals.close()
        for process in (producer, server):
            process.kill()
            process.wait()


class Arrivals:
    """How long trades took to a consumer of the topic, from now on."""

    def __init__(self, servers: str, *, is_json: bool) -> None:
        config = {"bootstrap.servers": servers, "group.id": "arrivals", "fetch.wait.max.ms": 5}
        self._consumer = Consumer({**config, "fetch.queue.backoff.ms": 5})
        self._consumer.assign([TopicPartition(topics.TRADES.name, i, -1) for i in range(4)])
        self._is_json = is_json
        self._delays_ms: list[float] = []
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def percentiles(self) -> tuple[float, float]:
        """p50 and p99 in milliseconds."""
        time.sleep(0.5)
        p50, p99 = np.percentile(self._delays_ms, [50, 99])
        return float(p50), float(p99)

    def close(self) -> None:
        self._ending.set()
        self._thread.join()
        self._consumer.close()

    def _read(self) -> None:
        while not self._ending.is_set():
            for message in self._consumer.consume(500, 0.01):
                now_ms, value = time.time() * 1000, message.value() or b""
                if message.error() is not None:
                    continue
                if self._is_json:
                    self._delays_ms.append(now_ms - orjson.loads(value)["data"]["T"])
                else:
                    times = codecs.decode(TradeBlock, value).event_ms
                    self._delays_ms.extend((now_ms - times).tolist())


def start(module: str, *arguments: str, **environment: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        env={**os.environ, **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def line_of(process: "subprocess.Popen[str]", word: str) -> str:
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith(word):
            return line
    raise SystemExit(f"{process.args!r} ended without {word}")


def tell(process: "subprocess.Popen[str]") -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def cpu(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return times.user + times.system


if __name__ == "__main__":
    main()
