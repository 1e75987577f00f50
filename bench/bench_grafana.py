"""Benchmark of the Grafana dashboards: time of each query on the store of a running stack.

    .venv/bin/python -m bench.bench_grafana [--rounds 5] [--limit-ms 100]

First start `candlewick up` (or `demo`) in the same folder, and let it run until its history is
stored. The script runs the query of every panel, variable and alert as the read-only user, with
the dashboard's default choices and time range, and reads the whole answer. Panels that ask
Prometheus are left out. It prints the median and the longest time of each query, slowest first, and
how many stay within the limit.
"""

import argparse
import statistics
import time
from collections.abc import Iterator
from typing import Any

from clickhouse_connect.driver.client import Client

import candlewick
from grafana.alerts import ALERTS
from grafana.boards import boards
from grafana.datasource import load, slug
from grafana.provisioning_file import plain_one
from grafana.variables import ALL
from tools.grafana.macros import Asked, expand

UNITS_MS = {"m": 60_000, "h": 3_600_000, "d": 86_400_000}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--limit-ms", type=float, default=100)
    arguments = parser.parse_args()
    client = candlewick.connect()
    symbols = tuple(
        row[0] for row in client.query("SELECT DISTINCT symbol FROM klines").result_rows
    )
    took = {name: times_of(client, sql, arguments.rounds) for name, sql in queries(symbols)}
    report(took, arguments.limit_ms)


def queries(symbols: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for key, built in boards().items():
        board: dict[str, Any] = plain_one(built)
        asked = asked_of(board, key, symbols)
        for panel in board["panels"]:
            if panel["type"] != "row" and panel["datasource"]["type"] != "prometheus":
                name = f"{key}-{slug(panel['title'])}"
                yield name, expand(load(name), asked)
        for variable in board["templating"].get("list", []):
            if variable["type"] == "query":
                yield f"{key} ${variable['name']}", expand(variable["query"]["rawSql"], asked)
    for alert in ALERTS:
        name = f"alert-{slug(alert.title)}"
        yield name, expand(load(name), asked)


def asked_of(board: dict[str, Any], key: str, symbols: tuple[str, ...]) -> Asked:
    now_ms = time.time_ns() // 1_000_000
    since = board["time"]["from"].removeprefix("now-")
    many = key == "models"
    return Asked(
        from_ms=now_ms - int(since[:-1]) * UNITS_MS[since[-1]],
        to_ms=now_ms,
        interval_ms=60_000,
        variables={
            "symbol": ALL if many else "BTCUSDT",
            "interval": "15m",
            "model": ALL if many else "champion",
        },
        options={"symbol": symbols, "model": ("batch", "blend", "online", "reference")},
    )


def times_of(client: Client, sql: str, rounds: int) -> list[float]:
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        _ = client.query(sql).result_rows
        times.append((time.perf_counter() - began) * 1000)
    return times


def report(took: dict[str, list[float]], limit_ms: float) -> None:
    print(f"{'query':60} {'median':>8} {'longest':>8}  ms")
    for name, times in sorted(took.items(), key=lambda item: -statistics.median(item[1])):
        print(f"{name:60} {statistics.median(times):8.1f} {max(times):8.1f}")
    within = sum(statistics.median(times) <= limit_ms for times in took.values())
    print(f"{within} of {len(took)} within {limit_ms:g} ms (median)")


if __name__ == "__main__":
    main()
