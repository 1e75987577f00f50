"""Benchmark of what the candle worker costs: live, at rest, and catching up.

    .venv/bin/python -m bench.bench_worker [live] [rest] [catch-up] [--rounds 2] [--tree FOLDER]

A paced producer puts blocks on the trades topic as the stream does: every 50 ms one block of each
symbol that traded, all symbols in one tick (`--apart`: each symbol with a tick of its own). Live is
5,000 trades/s of ten symbols, whose event time runs 31 times as fast so that candles close; rest is
the default demo's 150 trades/s of eleven symbols. The figures: CPU of worker and broker in percent
of a core, and the time from the trade that closes a candle to the candle at a consumer. Catch-up
is a topic of four million trades in blocks; its clock and its CPU run from the first closed candle
to the last one, and every candle is compared with the truth.

Beside the worker stands its own core behind a bare aiokafka consumer (`bench/peers/bare_aiokafka`):
the difference is the price of Faust and of what it does. `--tree` measures the worker of another
checkout instead, `--flame NAME` draws py-spy's picture of each run (py-spy must be installed).
"""

import argparse
import math
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from bench import bench_candles, market
from schemas import codecs, topics
from schemas.market import Candle, TradeBlock
from tests.support.servers import RunningKafka, running_kafka

TICK_S = 0.05
START_MS = market.START_MS
WARM_S = 5.0
ROOT = Path(__file__).parents[1]
Figures = dict[str, float]


@dataclass(frozen=True, slots=True)
class Load:
    rate: float
    symbols: int
    speed: int


LOADS = {"live": Load(5_000, 10, 31), "rest": Load(150, 11, 1)}  # 31: minutes end between ticks


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", nargs="*", default=["live", "rest", "catch-up"])
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--trades", type=int, default=4_000_000)
    parser.add_argument("--sizes", default="1000")
    parser.add_argument("--apart", action="store_true")
    parser.add_argument("--tree", type=Path, default=ROOT)
    parser.add_argument("--flame", default="")
    parser.add_argument("--only", default="")
    arguments = parser.parse_args()
    commands = {
        "faust": [sys.executable, "-m", "processors", "worker"],
        "bare": [sys.executable, "-m", "bench.peers.bare_aiokafka"],
    }
    if arguments.tree != ROOT:
        del commands["bare"]
    found: dict[str, list[Figures]] = {}
    with tempfile.TemporaryDirectory() as folder, running_kafka(Path(folder)) as kafka:
        for _ in range(arguments.rounds):
            for name, what, figures in contest(kafka, arguments, commands):
                found.setdefault(f"{what}, {name}", []).append(figures)
                print(f"{what:14} {name:6} {shown(figures)}", flush=True)
    print("\nmedians")
    for name, rounds in found.items():
        median = {key: statistics.median(r[key] for r in rounds) for key in rounds[0]}
        print(f"{name:22} {shown(median)}")


def contest(
    kafka: RunningKafka, arguments: argparse.Namespace, commands: dict[str, list[str]]
) -> Iterator[tuple[str, str, Figures]]:
    for what in arguments.what:
        sizes = [int(size) for size in arguments.sizes.split(",")] if what == "catch-up" else [0]
        for size in sizes:
            for name, command in commands.items():
                if arguments.only and name != arguments.only:
                    continue
                flame = f"{arguments.flame}-{what}-{name}.svg" if arguments.flame else ""
                bench_candles.empty_topics(kafka)
                group = f"bare-{time.time_ns()}" if name == "bare" else ""
                run = Run(kafka, command, arguments.tree, flame, group)
                if what == "catch-up":
                    yield name, f"{what} {size}", run.catch_up(arguments.trades, size)
                else:
                    load = LOADS[what]
                    yield name, what, run.paced(load, arguments.seconds, apart=arguments.apart)


def shown(figures: Figures) -> str:
    return "   ".join(f"{name} {value:,.4g}" for name, value in figures.items())


@dataclass(frozen=True, slots=True)
class Run:
    kafka: RunningKafka
    command: list[str]
    tree: Path
    flame: str
    bare_group: str

    @contextmanager
    def worker(self) -> Iterator[psutil.Process]:
        with tempfile.TemporaryDirectory() as folder:
            environment = os.environ | {
                "CANDLEWICK_KAFKA__BOOTSTRAP_SERVERS": self.kafka.bootstrap,
                "CANDLEWICK_DATA_DIR": folder,
                "CANDLEWICK_LOG_LEVEL": "WARNING",
            }
            more = [self.kafka.bootstrap, self.bare_group] if self.bare_group else []
            process = subprocess.Popen([*self.command, *more], env=environment, cwd=self.tree)
            try:
                yield psutil.Process(process.pid)
            finally:
                process.terminate()
                process.wait(20)

    def paced(self, load: Load, seconds: float, *, apart: bool) -> Figures:
        with self.worker() as worker:
            self._wait_for_group()
            begun = time.time() + 1.0
            feed = threading.Thread(
                target=feed_market,
                args=(self.kafka.bootstrap, load, begun, WARM_S + seconds),
                kwargs={"apart": apart},
                daemon=True,
            )
            feed.start()
            reader = self._reader([topics.CANDLES.name], newest=True)
            watched = [worker, psutil.Process(self.kafka.pid)]
            delays, before, polled = [], [], 0.0
            while feed.is_alive():
                for message in reader.consume(100, 0.005):
                    candle = codecs.decode(Candle, message.value() or b"")
                    late = time.time() - (
                        begun + (closing_ms(candle) - START_MS) / 1000 / load.speed
                    )
                    if before and candle.revision == 1:
                        delays.append(late * 1000)
                if not before and time.time() > begun + WARM_S:
                    before, polled = [cpu_of(process) for process in watched], time.time()
                    self._draw(worker, seconds)
            span = time.time() - polled
            used = [cpu_of(process) for process in watched]
            percent = [100 * (u - b) / span for u, b in zip(used, before, strict=True)]
            rss = worker.memory_info().rss / 1e6
            reader.close()
        figures = {"worker %": percent[0], "broker %": percent[1], "MB": rss}
        if delays:
            p50, p95, p99 = np.percentile(delays, [50, 95, 99])
            figures |= {"candles": len(delays), "p50 ms": p50, "p95 ms": p95, "p99 ms": p99}
        return figures

    def catch_up(self, trades: int, size: int) -> Figures:
        producer = bench_candles.a_producer(self.kafka)
        for block in market.blocks(trades, size):
            message = codecs.message_of(block)
            producer.produce(topics.TRADES.name, message.value, message.key)
            producer.poll(0)
        producer.flush()
        truth = market.truth(trades)
        candles, first_ms, last_ms, first_cpu = {}, 0, 0, 0.0
        reader = self._reader([topics.CANDLES.name], newest=False)
        with self.worker() as worker:
            deadline = time.monotonic() + 120
            self._draw(worker, 8.0)
            while len(candles) < len(truth) and time.monotonic() < deadline:
                for message in reader.consume(1000, 0.01):
                    candle = codecs.decode(Candle, message.value() or b"")
                    candles[candle.symbol, candle.interval, candle.open_ms] = candle
                    last_ms = message.timestamp()[1]
                    if not first_ms:
                        first_ms, first_cpu = last_ms, cpu_of(worker)
            cpu = cpu_of(worker) - first_cpu
            rss = worker.memory_info().rss / 1e6
        reader.close()
        assert candles == truth, f"{len(candles)} candles of {len(truth)}, or not equal"
        rate = trades / (last_ms - first_ms) * 1000
        return {"thousand trades/s": rate / 1000, "CPU s/M": cpu / trades * 1e6, "MB": rss}

    def _draw(self, worker: psutil.Process, seconds: float) -> None:
        if self.flame:
            spy = [str(Path(sys.executable).parent / "py-spy"), "record", "--nonblocking"]
            spy += ["-d", str(int(seconds - 1)), "-r", "200", "-o", self.flame]
            spy += ["-f", "raw", "-t"] if os.environ.get("RAWSPY") else []
            subprocess.Popen([*spy, "--pid", str(worker.pid)], stdout=subprocess.DEVNULL)

    def _reader(self, names: list[str], *, newest: bool) -> Consumer:
        reader = Consumer(
            {
                "bootstrap.servers": self.kafka.bootstrap,
                "group.id": f"bench-{time.time_ns()}",
                "fetch.wait.max.ms": 5 if newest else 100,
                "fetch.queue.backoff.ms": 5,
            }
        )
        places = range(bench_candles.PARTITIONS)
        start = -1 if newest else 0
        reader.assign([TopicPartition(name, i, start) for name in names for i in places])
        return reader

    def _wait_for_group(self) -> None:
        admin = AdminClient({"bootstrap.servers": self.kafka.bootstrap})
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            name = self.bare_group or topics.CANDLE_APP
            group = admin.describe_consumer_groups([name])[name]
            if group.exception() is None and group.result().state.name == "STABLE":
                break
            time.sleep(0.1)
        time.sleep(3)  # the states' recovery


def cpu_of(process: psutil.Process) -> float:
    return sum(process.cpu_times()[:2])


def closing_ms(candle: Candle) -> float:
    """Event time of the trade that closed a candle: those of a symbol are evenly spaced."""
    step = STEPS[candle.symbol]
    return START_MS + math.ceil((candle.close_ms - START_MS) / step) * step


STEPS: dict[str, float] = {}  # event time between two trades of a symbol, in milliseconds


def feed_market(bootstrap: str, load: Load, begun: float, seconds: float, *, apart: bool) -> None:
    """Send the blocks of a market whose symbols trade evenly, each at a step of its own."""
    producer = Producer(
        {
            "bootstrap.servers": bootstrap,
            "partitioner": "murmur2_random",
            "enable.idempotence": True,
            "compression.type": "lz4",
            "linger.ms": 2,
        }
    )
    symbols = [f"COIN{number}USDT" for number in range(load.symbols)]
    shares = 1 / np.arange(1, load.symbols + 1)
    steps = 1000 * load.speed / (load.rate * shares / shares.sum())  # ms of event time a trade
    STEPS.update(zip(symbols, steps.tolist(), strict=True))
    sent = [0] * load.symbols
    turns = load.symbols if apart else 1
    for tick in range(int(seconds / TICK_S) * turns):
        time.sleep(max(0.0, begun + tick * TICK_S / turns - time.time()))
        now_ms = (time.time() - begun) * 1000 * load.speed
        for number in [tick % turns] if apart else range(load.symbols):
            due = int(now_ms / steps[number]) + 1
            if due > sent[number]:
                block = a_block(symbols[number], sent[number], due, steps[number], now_ms)
                message = codecs.message_of(block)
                headers = list(message.headers)
                producer.produce(topics.TRADES.name, message.value, message.key, headers=headers)
                sent[number] = due
        producer.poll(0)
    producer.flush()


def a_block(symbol: str, first: int, end: int, step: float, now_ms: float) -> TradeBlock:
    ids = np.arange(first, end)
    newest_ms = START_MS + int(now_ms)
    rng = np.random.default_rng([first, *symbol.encode()])
    return TradeBlock(
        symbol=symbol,
        first_agg_id=1 + first,
        first_trade_id=1 + first,
        received_ms=newest_ms,
        watermark_ms=START_MS + int(ids[-1] * step),
        event_ms=START_MS + (ids * step).astype(np.int64),
        price_e8=10**12 + rng.integers(-500, 500, len(ids)) * 10**6,
        quantity_e8=rng.integers(1, 10**5, len(ids)) * 10**4,
        fills=np.ones(len(ids), np.int32),
        taker_sold=rng.integers(0, 2, len(ids)).astype(np.uint8),
    )


if __name__ == "__main__":
    main()
