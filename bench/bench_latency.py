"""Benchmark of latency: from the trade that closes a candle to the candle in Kafka and ClickHouse.

    .venv/bin/python -m bench.bench_latency [--rate 5000] [--seconds 90] [--speed 10]

The whole pipeline runs on the simulated exchange, whose clock is `speed` times as fast as real time
so that many minutes close; `rate` is in trades per second of wall time over all symbols. The
latency of a candle starts at the event time of the first trade after it. It ends when a consumer of
`market.candles.v1` reads the candle, and when its row is stored. It includes the exchange's own
delay and the socket, and is in milliseconds of wall time. Candles closed by the watermark, because
no trade arrived in time, are left out.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
from confluent_kafka import Consumer, TopicPartition

from schemas import codecs, topics
from schemas.market import Candle, TradeBlock
from schemas.settings import DEFAULT_SYMBOLS
from tests.support.pipeline import Pipeline, running_pipeline

PARTITIONS = 4
LATENESS_MS = 2000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=5000)
    parser.add_argument("--seconds", type=float, default=90)
    parser.add_argument("--speed", type=float, default=10)
    arguments = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        running_pipeline(
            Path(folder),
            symbols=DEFAULT_SYMBOLS,
            speed=arguments.speed,
            rate=arguments.rate / arguments.speed,
        ) as pipeline,
    ):
        pipeline.wait_for_candles("1m", until_ms=pipeline.market_ms(), within_s=120)
        clock = MarketClock(pipeline, arguments.speed)
        seen, closing, trades = watch(pipeline, arguments.seconds)
        report(pipeline, clock, seen, closing, trades / arguments.seconds)


class MarketClock:
    """Converter of market time to wall time, from the quickest of 30 requests to the exchange."""

    def __init__(self, pipeline: Pipeline, speed: float) -> None:
        self.speed = speed
        looks = []
        for _ in range(30):
            before = time.time()
            market_ms = pipeline.market_ms()
            looks.append((time.time() - before, (time.time() + before) / 2, market_ms))
        self.round_trip_s, self.wall_s, self.market_ms = min(looks)

    def wall_of(self, market_ms: int) -> float:
        return self.wall_s + (market_ms - self.market_ms) / 1000 / self.speed


def watch(
    pipeline: Pipeline, seconds: float
) -> tuple[dict[tuple[str, str, int], float], dict[str, list[int]], int]:
    """Return when each candle was read, every symbol's trade times, and the number of trades."""
    reader = Consumer(
        {
            "bootstrap.servers": pipeline.kafka.bootstrap,
            "group.id": "latency",
            "fetch.wait.max.ms": 5,
            "fetch.queue.backoff.ms": 5,
        }
    )
    names = (topics.CANDLES.name, topics.TRADES.name)
    reader.assign([TopicPartition(name, i, -1) for name in names for i in range(PARTITIONS)])
    seen: dict[tuple[str, str, int], float] = {}
    times: dict[str, list[int]] = {}
    trades, end = 0, time.time() + seconds
    while time.time() < end:
        for message in reader.consume(500, 0.005):
            now = time.time()
            if message.topic() == topics.CANDLES.name:
                candle = codecs.decode(Candle, message.value())
                if candle.revision == 1:
                    seen.setdefault((candle.symbol, candle.interval, candle.close_ms), now)
                continue
            block = codecs.decode(TradeBlock, message.value())
            times.setdefault(block.symbol, []).extend(block.event_ms.tolist())
            trades += len(block)
    reader.close()
    return seen, times, trades


def report(
    pipeline: Pipeline,
    clock: MarketClock,
    seen: dict[tuple[str, str, int], float],
    times: dict[str, list[int]],
    rate: float,
) -> None:
    to_kafka, to_store = [], []
    stored = {
        (str(symbol), str(interval), int(close_ms)): float(stored_s)
        for symbol, interval, close_ms, stored_s in pipeline.rows(
            "SELECT symbol, interval, toUnixTimestamp64Milli(close_time), "
            "toUnixTimestamp64Milli(stored_time) / 1000 FROM candles WHERE revision = 1"
        )
    }
    for (symbol, interval, close_ms), read_s in seen.items():
        after = [ms for ms in times.get(symbol, []) if close_ms <= ms < close_ms + LATENESS_MS]
        if not after:
            continue
        began = clock.wall_of(min(after))
        to_kafka.append((read_s - began) * 1000)
        if (symbol, interval, close_ms) in stored:
            to_store.append((stored[symbol, interval, close_ms] - began) * 1000)
    print(f"{rate:,.0f} trades/s read; exchange clock known to {clock.round_trip_s * 500:.1f} ms")
    print(f"{'to':12} {'candles':>8} {'p50':>7} {'p95':>7} {'p99':>7} {'max':>7}")
    for name, values in (("Kafka", to_kafka), ("ClickHouse", to_store)):
        p50, p95, p99 = np.percentile(values, [50, 95, 99])
        print(f"{name:12} {len(values):8} {p50:7.0f} {p95:7.0f} {p99:7.0f} {max(values):7.0f}")


if __name__ == "__main__":
    main()
