"""Benchmark of the candle worker and its peers: catching up on a million trades in a topic.

    .venv/bin/python -m bench.bench_candles [--rounds 3] [--sizes 1000,500,100] [--peers PYTHON]

All read the same trades from the same broker, one process at a time, in rounds. The worker reads
blocks, the peers one JSON message a trade, as each is meant to be used. The time of a run, without
joining the group, is that from the first record read to the last 15-minute candle handed over; for
the worker it is that from its first closed candle to its last one, by the records' timestamps.
Every field of the worker's candles, 1m and 15m, is compared with the truth; the peers' are counted.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from bench import market
from schemas import codecs, topics
from schemas.market import Candle
from tests.support.servers import RunningKafka, running_kafka

PARTITIONS = 4
PEERS = Path(__file__).parent / "peers"
JSON_TOPIC = "bench.trades-json"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trades", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sizes", default="1000,500,100")
    parser.add_argument(
        "--peers", default=sys.executable, help="Python with the peers' packages installed"
    )
    arguments = parser.parse_args()
    sizes = [int(size) for size in arguments.sizes.split(",")]
    rates: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder, running_kafka(Path(folder)) as kafka:
        load_json(kafka, arguments.trades)
        for _ in range(arguments.rounds):
            for name, (seconds, cpu) in contest(kafka, arguments.trades, sizes, arguments.peers):
                rate = arguments.trades / seconds
                rates.setdefault(name, []).append(rate)
                print(f"{name:22} {rate:12,.0f} trades/s   {cpu:6.2f} CPU s", flush=True)
    report(rates)


def contest(
    kafka: RunningKafka, trades: int, sizes: list[int], peers: str
) -> Iterator[tuple[str, tuple[float, float]]]:
    yield "confluent_json", peer(kafka, peers, "confluent_json")
    if subprocess.run([peers, "-c", "import bytewax"], check=False, capture_output=True).returncode:
        print("bytewax is skipped, as it is not installed: see bench/peers/README.md")
    else:
        yield "bytewax_json", peer(kafka, peers, "bytewax_json")
    for size in sizes:
        yield f"candlewick {size}", worker(kafka, trades, size)


def report(rates: dict[str, list[float]]) -> None:
    medians = {name: statistics.median(values) for name, values in rates.items()}
    peers = [name for name in medians if name.endswith("_json")]
    print(f"\n{'':22} {'median trades/s':>16}" + "".join(f" {'x ' + name:>16}" for name in peers))
    for name, rate in medians.items():
        beside = "".join(f" {rate / medians[peer]:16.2f}" for peer in peers)
        print(f"{name:22} {rate:16,.0f}{beside}")


def load_json(kafka: RunningKafka, trades: int) -> None:
    make_topics(kafka, JSON_TOPIC)
    producer = a_producer(kafka)
    for symbol, value in market.json_trades(trades):
        while True:
            try:
                producer.produce(JSON_TOPIC, value, symbol)
                break
            except BufferError:
                producer.poll(0.1)
    producer.flush()


def peer(kafka: RunningKafka, python: str, script: str) -> tuple[float, float]:
    out = f"bench.out-{time.time_ns()}"
    make_topics(kafka, out)
    command = [python, str(PEERS / f"{script}.py"), kafka.bootstrap, JSON_TOPIC, out]
    command.append(str(market.CANDLES_15M))
    said = subprocess.run(command, check=True, capture_output=True, timeout=300, text=True).stdout
    result = json.loads(said.strip().splitlines()[-1])
    return result["seconds"], result["cpu"]


def worker(kafka: RunningKafka, trades: int, size: int) -> tuple[float, float]:
    empty_topics(kafka)
    producer = a_producer(kafka)
    for block in market.blocks(trades, size):
        producer.produce(topics.TRADES.name, codecs.encode(block), block.symbol)
        producer.poll(0)
    producer.flush()
    truth = market.truth(trades)
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {
            "CANDLEWICK_KAFKA__BOOTSTRAP_SERVERS": kafka.bootstrap,
            "CANDLEWICK_DATA_DIR": folder,
            "CANDLEWICK_LOG_LEVEL": "WARNING",
        }
        command = [sys.executable, "-m", "processors", "worker"]
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
        try:
            return timed(kafka, truth, psutil.Process(process.pid))
        finally:
            process.terminate()
            process.wait(20)


def timed(
    kafka: RunningKafka, truth: dict[tuple[str, str, int], Candle], process: psutil.Process
) -> tuple[float, float]:
    reader = Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": f"r{time.time_ns()}"})
    reader.assign([TopicPartition(topics.CANDLES.name, i, 0) for i in range(PARTITIONS)])
    first_ms, last_ms, candles, cpu = 0, 0, {}, 0.0
    deadline = time.monotonic() + 120
    while len(candles) < len(truth) and time.monotonic() < deadline:
        for message in reader.consume(1000, 0.05):
            ms = message.timestamp()[1]
            candle = codecs.decode(Candle, message.value())
            candles[candle.symbol, candle.interval, candle.open_ms] = candle
            first_ms, last_ms = min(first_ms or ms, ms), max(last_ms, ms)
        cpu = sum(process.cpu_times()[:2])
    reader.close()
    assert candles == truth, f"{len(candles)} candles of {len(truth)}, or not equal"
    return (last_ms - first_ms) / 1000, cpu


def empty_topics(kafka: RunningKafka) -> None:
    """Delete the worker's topics and its consumer group, and create the topics again."""
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    names = [topics.TRADES, topics.CANDLES, topics.CANDLES_LIVE, topics.CANDLE_CHANGELOG]
    for future in admin.delete_topics([topic.name for topic in names]).values():
        future.result()
    for future in admin.delete_consumer_groups([topics.CANDLE_APP]).values():
        if future.exception() is None:
            future.result()
    make_topics(kafka, *(topic.name for topic in names))


def make_topics(kafka: RunningKafka, *names: str) -> None:
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    forever = {"retention.ms": "-1"}
    deadline = time.monotonic() + 30
    for name in names:
        while time.monotonic() < deadline:
            made = admin.create_topics([NewTopic(name, PARTITIONS, 1, config=forever)])[name]
            if made.exception() is None:
                break
            time.sleep(0.2)


def a_producer(kafka: RunningKafka) -> Producer:
    return Producer(
        {
            "bootstrap.servers": kafka.bootstrap,
            "partitioner": "murmur2_random",
            "compression.type": "lz4",
            "queue.buffering.max.messages": 1_000_000,
        }
    )


if __name__ == "__main__":
    main()
