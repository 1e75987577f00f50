"""Benchmark of the local ClickHouse server: rows a second inserted, p50 and p99 of queries.

    .venv/bin/python -m bench.bench_clickhouse [--rows 2000000] [--seconds 10]

Inserts trades of four columns as RowBinary through clickhouse-connect, in batches of 100,000 with a
deduplication token each. Then one client sends queries alone, and then eight beside a writer.
"""

import argparse
import itertools
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil

from tests.support.servers import RunningClickHouse, running_clickhouse

BATCH_ROWS = 100_000
ROW = np.dtype([("id", "<i8"), ("at", "<i8"), ("price", "<i8"), ("quantity", "<i8")])
COLUMNS = ["agg_id", "event_ms", "price", "quantity"]
TABLE = """
CREATE TABLE {name} (
    agg_id Int64, event_ms DateTime64(3, 'UTC'), price Decimal(18, 8), quantity Decimal(18, 8)
) ENGINE = ReplacingMergeTree ORDER BY agg_id
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = {fsync}
"""
QUERIES = {
    "SELECT 1": "SELECT 1",
    "by key": "SELECT * FROM trades WHERE agg_id = 1234567",
    "by minute": "SELECT toStartOfMinute(event_ms) AS m, sum(quantity) FROM trades GROUP BY m",
}


def batch(number: int, rows: int) -> bytes:
    made = np.zeros(rows, ROW)
    made["id"] = np.arange(number * rows, (number + 1) * rows)
    made["at"] = 1_723_200_000_000 + made["id"] * 2
    made["price"] = 6_000_000_000_000 + made["id"] % 1000 * 1_000_000
    made["quantity"] = 1_000_000
    return made.tobytes()


def insert(server: RunningClickHouse, table: str, batches: Iterable[bytes]) -> list[float]:
    client = server.client()
    times = []
    for number, body in enumerate(batches):
        began = time.perf_counter()
        token = {"insert_deduplication_token": f"{table}:{number}"}
        client.raw_insert(table, COLUMNS, body, fmt="RowBinary", settings=token)
        times.append(time.perf_counter() - began)
    client.close()
    return times


def ask(server: RunningClickHouse, sql: str, go_on: Callable[[], bool]) -> list[float]:
    client = server.client()
    times = []
    while go_on():
        began = time.perf_counter()
        client.query(sql)
        times.append(time.perf_counter() - began)
    client.close()
    return times


def described(times: list[float]) -> str:
    p99 = statistics.quantiles(times, n=100)[98]
    return f"p50 {statistics.median(times) * 1e3:6.1f} ms   p99 {p99 * 1e3:6.1f} ms"


def within(seconds: float) -> Callable[[], bool]:
    end = time.monotonic() + seconds
    return lambda: time.monotonic() < end


def side_by_side(server: RunningClickHouse, seconds: float) -> None:
    stop = threading.Event()
    written = itertools.count()

    def batches() -> Iterator[bytes]:
        while not stop.is_set():
            yield batch(next(written), 10_000)

    with ThreadPoolExecutor(9) as pool:
        writer = pool.submit(insert, server, "beside", batches())
        readers = [
            pool.submit(ask, server, sql, within(seconds))
            for sql in itertools.islice(itertools.cycle(QUERIES.values()), 8)
        ]
        times = [one for reader in readers for one in reader.result()]
        stop.set()
        writer.result()
    rows = next(written) * 10_000
    print(f"8 readers beside a writer   {described(times)}   {len(times) / seconds:.0f} queries/s")
    print(f"                            {rows / seconds:,.0f} rows/s written")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--seconds", type=float, default=10)
    options = parser.parse_args()
    batches = [batch(number, BATCH_ROWS) for number in range(options.rows // BATCH_ROWS)]
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        with running_clickhouse(Path(folder) / "clickhouse") as server:
            print(f"start to /ping              {time.perf_counter() - began:.2f} s")
            client = server.client()
            for name, fsync in {
                "trades": 0,
                "synced": 1,
                "beside": 0,
                "one": 0,
                "one_s": 1,
            }.items():
                client.command(TABLE.format(name=name, fsync=fsync))
            for name, note in {"trades": "", "synced": ", fsync_after_insert"}.items():
                seconds = sum(insert(server, name, batches))
                rate = len(batches) * BATCH_ROWS / seconds
                print(f"insert, {BATCH_ROWS:,} a batch     {rate:,.0f} rows/s{note}")
            for name, note in {"one": "", "one_s": ", fsync_after_insert"}.items():
                single = [batch(number, 1) for number in range(300)]
                print(
                    f"insert, one row             {described(insert(server, name, single))}{note}"
                )
            for name, sql in QUERIES.items():
                print(f"{name:27} {described(ask(server, sql, within(options.seconds / 3)))}")
            side_by_side(server, options.seconds)
            resident = psutil.Process(server.pid).memory_info().rss >> 20
            print(f"resident at the end         {resident} MB")
            client.close()


if __name__ == "__main__":
    main()
