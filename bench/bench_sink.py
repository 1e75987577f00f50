"""Benchmark of the sinks: trades a second into ClickHouse, and the latency of a closed candle.

    python bench/bench_sink.py [--trades 1000000] [--block 500]

Starts a Kafka and a ClickHouse in a temporary folder, fills `market.trades.v1` with blocks of 10
symbols over 4 partitions, then starts the sinks and waits until every row is stored. Prints the
rate from the first row to the last, and from the start of the process; CPU is that of the sinks
alone. Before that it inserts the same rows as they are, 100,000 a request: the limit that the
store sets. Then, with 5,000 trades a second, it sends candles one by one, and measures the time
from sending a candle until a query returns it.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
from clickhouse_connect.driver.client import Client
from confluent_kafka import Producer

sys.path.insert(0, str(Path(__file__).parents[1]))

from schemas import table_columns, topics
from schemas.codecs import decode, encode
from schemas.market import TradeBlock
from schemas.migrations import migrate, read_migrations
from sinks.rows import trade_rows
from tests.support.builders import START_MS, a_candle
from tests.support.servers import RunningClickHouse, RunningKafka, running_clickhouse, running_kafka

SYMBOLS = [f"COIN{i}USDT" for i in range(10)]
ROWS = 100_000
LIVE_S = 20.0
LIVE_RATE = 5_000
LIVE_BLOCK = 100


class Migrating:
    def __init__(self, client: Client) -> None:
        self._client = client

    def run(self, statement: str) -> None:
        self._client.command(statement)

    def rows(self, query: str) -> list[tuple[str, str]]:
        return [(str(name), str(sum_)) for name, sum_ in self._client.query(query).result_rows]


def a_full_block(symbol: str, first: int, length: int) -> bytes:
    ids = np.arange(first, first + length)
    block = TradeBlock(
        symbol=symbol,
        first_agg_id=first,
        first_trade_id=first,
        received_ms=START_MS + first,
        watermark_ms=START_MS + first,
        event_ms=START_MS + ids,
        price_e8=5_000_000_000_000 + ids * 7919 % 100_000_000,
        quantity_e8=ids * 104_729 % 1_000_000_000,
        fills=np.ones(length, np.int32),
        taker_sold=(ids % 2).astype(np.uint8),
    )
    return encode(block)


def fill(producer: Producer, trades: int, length: int) -> int:
    rounds = trades // (length * len(SYMBOLS))
    for turn in range(rounds):
        for symbol in SYMBOLS:
            value = a_full_block(symbol, 1 + turn * length, length)
            producer.produce(topics.TRADES.name, key=symbol, value=value)
        producer.poll(0)
    producer.flush()
    return rounds * length * len(SYMBOLS)


def insert_raw(client: Client, trades: int, length: int) -> float:
    """Insert as many rows, made before, and empty the table; return the rate, rows a second."""
    blocks = [
        trade_rows(decode(TradeBlock, a_full_block(symbol, 1 + turn * length, length)))
        for turn in range(trades // (length * len(SYMBOLS)))
        for symbol in SYMBOLS
    ]
    together = ROWS // length
    requests = [b"".join(blocks[at : at + together]) for at in range(0, len(blocks), together)]
    began = time.perf_counter()
    for number, rows in enumerate(requests):
        token = {"insert_deduplication_token": f"raw {number}", "async_insert": 0}
        client.raw_insert("trades", table_columns.TRADE, rows, settings=token, fmt="RowBinary")
    rate = trades / (time.perf_counter() - began)
    client.command("TRUNCATE TABLE trades")
    return rate


def start_sinks(kafka: RunningKafka, server: RunningClickHouse) -> subprocess.Popen[bytes]:
    environment = {
        **os.environ,
        "CANDLEWICK_KAFKA__BOOTSTRAP_SERVERS": kafka.bootstrap,
        "CANDLEWICK_CLICKHOUSE__URL": server.url,
        "CANDLEWICK_CLICKHOUSE__USER": server.user,
        "CANDLEWICK_CLICKHOUSE__PASSWORD": server.password,
    }
    return subprocess.Popen([sys.executable, "-m", "sinks"], env=environment)


def count(client: Client, table: str) -> int:
    return int(client.query(f"SELECT count() FROM {table}").result_rows[0][0])  # noqa: S608


def catch_up(client: Client, process: subprocess.Popen[bytes], trades: int, limit: float) -> None:
    started, first, before = time.perf_counter(), 0.0, 0
    while (stored := count(client, "trades")) < trades:
        if stored and not first:
            first, before = time.perf_counter(), stored
        time.sleep(0.01)
    ended, used = time.perf_counter(), psutil.Process(process.pid)
    cpu = sum(used.cpu_times()[:2])
    rate = (trades - before) / (ended - first) if before else float("nan")
    print(f"catch-up        {rate:>12,.0f} trades/s from the first row to the last")
    print(f"insert alone    {limit:>12,.0f} trades/s: the sinks come to {rate / limit:.2f} of it")
    print(f"                {trades / (ended - started):>12,.0f} trades/s from the start")
    print(f"CPU             {1e6 * cpu / trades:>12.2f} s a million trades, start included")
    print(f"resident        {used.memory_info().rss / 2**20:>12.0f} MB")
    print(f"parts           {count(client, 'system.parts'):>12}")
    unique = client.query("SELECT uniqExact(symbol, agg_id) FROM trades").result_rows[0][0]
    assert unique == count(client, "trades") == trades


def live(client: Client, producer: Producer, process: subprocess.Popen[bytes], first: int) -> None:
    delays, waiting = [], {}
    begin, turn, used = time.perf_counter(), 0, psutil.Process(process.pid)
    cpu = sum(used.cpu_times()[:2])
    while (now := time.perf_counter()) < begin + LIVE_S:
        while turn * LIVE_BLOCK < (now - begin) * LIVE_RATE:
            symbol = SYMBOLS[turn % len(SYMBOLS)]
            value = a_full_block(symbol, first + turn * LIVE_BLOCK, LIVE_BLOCK)
            producer.produce(topics.TRADES.name, key=symbol, value=value)
            if turn % 5 == 0:
                candle = replace(a_candle(open_ms=START_MS + turn * 60_000), symbol=symbol)
                producer.produce(topics.CANDLES.name, key=symbol, value=encode(candle))
                waiting[START_MS + turn * 60_000] = time.perf_counter()
            turn += 1
        producer.poll(0)
        query = "SELECT toUnixTimestamp64Milli(open_time) FROM candles WHERE open_time >= %(since)s"
        oldest = min(waiting, default=0) / 1000
        seen = client.query(query, {"since": oldest}).result_rows if waiting else []
        at = time.perf_counter()
        delays += [at - waiting.pop(open_ms) for (open_ms,) in seen if open_ms in waiting]
        time.sleep(0.01)
    share = (sum(used.cpu_times()[:2]) - cpu) / LIVE_S
    p50, p99 = np.percentile(np.array(delays) * 1000, [50, 99])
    print(f"candle is there {p50:>12.0f} ms p50, {p99:.0f} ms p99, {len(delays)} candles")
    print(f"CPU             {100 * share:>12.1f} % of a core at {LIVE_RATE:,} trades/s")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--trades", type=int, default=1_000_000)
    parser.add_argument("--block", type=int, default=500)
    arguments = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        running_kafka(Path(folder) / "kafka") as kafka,
        running_clickhouse(Path(folder) / "clickhouse") as server,
    ):
        server.client().command("CREATE DATABASE IF NOT EXISTS candlewick")
        client = server.client(database="candlewick")
        migrate(Migrating(client), read_migrations())
        producer = Producer(
            {
                "bootstrap.servers": kafka.bootstrap,
                "partitioner": "murmur2_random",
                "compression.type": "lz4",
                "log_level": 0,
            }
        )
        trades = fill(producer, arguments.trades, arguments.block)
        limit = insert_raw(client, trades, arguments.block)
        process = start_sinks(kafka, server)
        try:
            catch_up(client, process, trades, limit)
            live(client, producer, process, 1 + trades)
        finally:
            process.terminate()
            process.wait(30)


if __name__ == "__main__":
    main()
