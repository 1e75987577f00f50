"""Benchmark of the backfill: rows a second from the exchange through Kafka to ClickHouse.

    python -m bench.bench_backfill [--months 6]

Starts the simulated exchange, a Kafka, a ClickHouse and the sinks on this machine, and requests
every archive file once so that the exchange has made them. Then runs `candlewick backfill` for 1m
candles of four symbols, and waits until ClickHouse has every row. For comparison the same candles
are downloaded into a CSV file by two common loops: pandas over the archive files, and REST page by
page as CCXT does. Rates count from the start of each process or loop.
"""

import argparse
import csv
import io
import os
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from pathlib import Path

import httpx
import pandas as pd
import psutil
from confluent_kafka import ConsumerGroupState
from confluent_kafka.admin import AdminClient

sys.path.insert(0, str(Path(__file__).parents[1]))

from candlewick.store.admin import apply_migrations
from schemas.settings import ClickHouseSettings
from tests.support.backfilling import Past
from tests.support.servers import (
    RunningClickHouse,
    running_clickhouse,
    running_exchange,
    running_kafka,
)

SYMBOLS = ("BNBUSDT", "SOLUSDT", "XRPUSDT", "ADAUSDT")
MINUTE_MS = 60_000
DEADLINE_S = 600.0


def months_back(count: int) -> list[str]:
    last = pd.Timestamp("2025-11-01")
    return [str((last - pd.DateOffset(months=n)).date())[:7] for n in range(count, 0, -1)]


def path_of(symbol: str, month: str) -> str:
    return f"/data/spot/monthly/klines/{symbol}/1m/{symbol}-1m-{month}.zip"


def watch(process: "subprocess.Popen[str]", found: list[float], cpu: list[float]) -> None:
    try:
        handle = psutil.Process(process.pid)
        while process.poll() is None:
            found.append(handle.memory_info().rss / 2**20)
            cpu.append(sum(handle.cpu_times()[:2]))
            time.sleep(0.05)
    except psutil.Error:
        return


def wait_for_readers(servers: str) -> None:
    """Wait until the sinks' consumer groups are stable, as in a running stack."""
    admin = AdminClient({"bootstrap.servers": servers})
    deadline = time.perf_counter() + 60.0
    while time.perf_counter() < deadline:
        groups = admin.list_consumer_groups().result().valid
        states = {group.group_id: group.state for group in groups}
        if states and set(states.values()) == {ConsumerGroupState.STABLE}:
            return
        time.sleep(0.2)
    raise SystemExit(f"the sinks did not start to read within 60 s: {states}")


def cpu_s(pid: int) -> float:
    return float(sum(psutil.Process(pid).cpu_times()[:2]))


def ours(
    past: Past, server: RunningClickHouse, months: list[str], rows: int, sinks_pid: int
) -> None:
    sizes: list[float] = []
    cpu: list[float] = []
    pids = {"sinks": sinks_pid, "clickhouse": server.pid, "exchange": past.exchange.pid}
    pids |= {"kafka": past.kafka.process.pid}
    before = {name: cpu_s(pid) for name, pid in pids.items()}
    end = str((pd.Timestamp(months[-1]) + pd.DateOffset(months=1)).date())
    started = time.perf_counter()
    span = ("--from", f"{months[0]}-01", "--to", end, "--interval", "1m")
    process = past.command("--symbols", ",".join(SYMBOLS), *span)
    watcher = threading.Thread(target=watch, args=(process, sizes, cpu))
    watcher.start()
    first = 0.0
    with server.client(database="candlewick") as client:
        while time.perf_counter() < started + DEADLINE_S:
            stored = int(client.query("SELECT count() FROM klines").result_rows[0][0])
            first = first or (time.perf_counter() if stored else 0.0)
            if stored >= rows:
                break
            time.sleep(0.2)
        ended = time.perf_counter()
        said, _ = process.communicate(timeout=DEADLINE_S)
        watcher.join()
        assert process.returncode == 0, said
        assert stored == rows
        exact = client.query("SELECT uniqExact(symbol, open_time) FROM klines").result_rows[0][0]
        assert exact == rows
    print(f"candlewick, to ClickHouse    {rows / (ended - started):>10,.0f} rows/s from its start")
    print(
        f"                             {rows / (ended - first):>10,.0f} rows/s from the first row"
    )
    used = {"command": cpu[-1]} | {n: cpu_s(pid) - before[n] for n, pid in pids.items()}
    for name, seconds in used.items():
        print(f"  CPU of {name:<18} {1e6 * seconds / rows:>13.1f} us a row")
    print(f"  peak memory of the command {max(sizes):>10,.0f} MB")


def pandas_loop(url: str, months: list[str], file: Path) -> int:
    rows = 0
    for symbol in SYMBOLS:
        for month in months:
            raw = httpx.get(url + path_of(symbol, month), timeout=60).content
            frame = pd.read_csv(io.BytesIO(raw), compression="zip", header=None)
            frame[0] = frame[0] // 1000
            frame.to_csv(file, mode="a", header=False, index=False)
            rows += len(frame)
    return rows


def rest_loop(url: str, start_ms: int, end_ms: int, file: Path) -> int:
    rows = 0
    with httpx.Client(base_url=url, timeout=60) as client, file.open("w") as held:
        writer = csv.writer(held)
        for symbol in SYMBOLS:
            at = start_ms
            while at < end_ms:
                query: dict[str, str | int] = {"symbol": symbol, "interval": "1m", "limit": 1000}
                page = client.get(
                    "/api/v3/klines", params=query | {"startTime": at, "endTime": end_ms - 1}
                ).json()
                writer.writerows([r[0], *map(float, r[1:6])] for r in page)
                rows += len(page)
                at = page[-1][0] + MINUTE_MS
    return rows


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--months", type=int, default=6)
    months = months_back(parser.parse_args().months)
    with (
        tempfile.TemporaryDirectory() as name,
        running_kafka(Path(name) / "kafka") as kafka,
        running_clickhouse(Path(name) / "clickhouse") as server,
        running_exchange(start="2025-11-20T10:20:00Z", weight_limit=1_000_000) as exchange,
    ):
        folder = Path(name)
        past = Past(kafka, exchange, folder)
        past.create_topics()
        login = {"url": server.url, "user": server.user, "password": server.password}
        apply_migrations(ClickHouseSettings.model_validate(login))
        rows = 0
        for symbol in SYMBOLS:
            for month in months:
                raw = httpx.get(exchange.http_url + path_of(symbol, month), timeout=120).content
                with zipfile.ZipFile(io.BytesIO(raw)) as archive:
                    rows += archive.read(archive.namelist()[0]).count(b"\n")
        print(f"{rows:,} candles of {len(SYMBOLS)} symbols, {len(months)} months of 1m")
        environment = past.environment | {
            f"CANDLEWICK_CLICKHOUSE__{key.upper()}": value for key, value in login.items()
        }
        sinks = subprocess.Popen([sys.executable, "-m", "sinks"], env=os.environ | environment)
        try:
            wait_for_readers(kafka.bootstrap)
            ours(past, server, months, rows, sinks.pid)
        finally:
            sinks.terminate()
            sinks.wait(30)
        started = time.perf_counter()
        assert pandas_loop(exchange.http_url, months, folder / "a.csv") == rows
        rate = rows / (time.perf_counter() - started)
        print(f"pandas loop, into a file     {rate:>10,.0f} rows/s")
        start_ms = int(pd.Timestamp(months[-1], tz="UTC").timestamp() * 1000)
        started = time.perf_counter()
        paged = rest_loop(exchange.http_url, start_ms, start_ms + 5 * 86_400_000, folder / "b.csv")
        rate = paged / (time.perf_counter() - started)
        print(f"REST loop, into a file       {rate:>10,.0f} rows/s ({paged:,} rows of them)")


if __name__ == "__main__":
    main()
