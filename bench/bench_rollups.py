"""Benchmark of the rollups: p50 and p99 of reading 30 days of a chart out of three years.

    .venv/bin/python -m bench.bench_rollups [--queries 300]

The store has three years of one symbol's klines, 1m (1.58 million rows) and 15m, and candles made
from trades for the last 60 days. Each query reads 30 days that begin on a random day, over HTTP as
the read-only user.
"""

import argparse
import os
import random
import statistics
import tempfile
import time
from pathlib import Path

from clickhouse_connect.driver.client import Client

from candlewick.store.admin import apply_lifecycle, apply_migrations
from candlewick.store.completeness import read_digests
from clients.clickhouse import connect_reader, connect_writer
from schemas.settings import LifecycleSettings
from tests.support.servers import running_clickhouse

START_MS = 1_672_531_200_000  # 2023-01-01
DAYS = 3 * 365
DAY_MS = 86_400_000
MINUTE_MS = 60_000
# Decimals that differ in every row, so that they compress no better than prices do.
FILL = """
INSERT INTO klines (symbol, interval, open_time, close_time, open, high, low, close, volume,
    quote_volume, trade_count, taker_buy_volume, taker_buy_quote_volume, first_trade_id,
    last_trade_id, status, revision, source, event_time)
WITH
    toInt64({start_ms:Int64} + number * {length_ms:Int64}) AS at,
    toInt64(cityHash64(number, {symbol:String}) % 1000000) AS moved,
    toDecimal128(60000, 8) + toDecimal128(moved, 8) / 100 AS price,
    toDecimal128(toInt64(cityHash64(number, {symbol:String}, 1) % 100000000), 8) / 100000 AS amount
SELECT {symbol:String}, {interval:String}, fromUnixTimestamp64Milli(at, 'UTC'),
    fromUnixTimestamp64Milli(at + {length_ms:Int64}, 'UTC'), price, price + 7, price - 9,
    price + 1, amount, amount * 3, number % 1000, amount / 2, amount, -1, -1, 'official', 1,
    'rest', fromUnixTimestamp64Milli(at + {length_ms:Int64}, 'UTC')
FROM numbers({first:UInt64}, {rows:UInt64})
"""
OWN = """
INSERT INTO candles SELECT * EXCEPT stored_time
    REPLACE('trades' AS source, 'complete' AS status), now64(3)
FROM klines WHERE open_time >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
    AND open_time < fromUnixTimestamp64Milli({until_ms:Int64}, 'UTC')
"""
RANGE = """symbol = 'BTCUSDT' AND open_time >= fromUnixTimestamp64Milli(toInt64({from_ms}), 'UTC')
    AND open_time < fromUnixTimestamp64Milli(toInt64({from_ms} + 30 * 86400000), 'UTC')
    ORDER BY open_time"""
MINUTES_ROLLED = (
    "candles_rolled_up(name = '15m', length_ms = 900000, begin_ms = 0, "
    "part = '1m', part_ms = 60000) WHERE "
)
COLUMNS = "open_time, open, high, low, close, volume, trade_count, status"
CHARTS = {
    "1h of 15m, 720 candles": "candles_1h WHERE ",
    "4h of 15m, 180 candles": "candles_4h WHERE ",
    "1d of 15m, 30 candles": "candles_1d WHERE ",
    "15m as stored, 2,880 candles": "candles_best WHERE interval = '15m' AND ",
    "15m with audit status, 2,880": "candles_verified WHERE interval = '15m' AND ",
    "15m of 1m, 43,200 rows read": MINUTES_ROLLED,
}
QUERIES = {"SELECT 1, for comparison": "SELECT 1"} | {
    name: f"SELECT {COLUMNS} FROM {source}{RANGE}"  # noqa: S608 - our own names
    for name, source in CHARTS.items()
}


def fill(client: Client, days: range, symbol: str = "BTCUSDT") -> None:
    """Insert the exchange's candles of days in pages of 100,000 rows, as a backfill does."""
    for interval, length_ms in (("1m", MINUTE_MS), ("15m", 15 * MINUTE_MS)):
        end = days.stop * DAY_MS // length_ms
        for first in range(days.start * DAY_MS // length_ms, end, 100_000):
            page = {
                "symbol": symbol,
                "start_ms": START_MS,
                "length_ms": length_ms,
                "interval": interval,
                "first": first,
                "rows": min(100_000, end - first),
            }
            client.command(FILL, parameters=page)


def fill_own(client: Client, days: range) -> None:
    """Insert candles of ours beside those of the exchange."""
    ends = {"from_ms": START_MS + days.start * DAY_MS, "until_ms": START_MS + days.stop * DAY_MS}
    client.command(OWN, parameters=ends)


def measure(client: Client, source: str, queries: int, days: range) -> tuple[list[float], int]:
    chance, times, rows = random.Random(1), [], 0
    for n in range(queries + 10):
        asked = source.format(from_ms=START_MS + chance.choice(days) * DAY_MS)
        began = time.perf_counter()
        rows = client.query(asked).row_count
        if n >= 10:
            times.append((time.perf_counter() - began) * 1e3)
    return times, rows


def show(name: str, times: list[float], rows: int) -> None:
    p99 = statistics.quantiles(times, n=100)[98]
    print(f"{name:34} p50 {statistics.median(times):6.1f} ms  p99 {p99:6.1f} ms  {rows:6,} rows")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--queries", type=int, default=300)
    queries = parser.parse_args().queries
    history, both = range(DAYS - 90), range(DAYS - 60, DAYS - 30)
    with (
        tempfile.TemporaryDirectory() as folder,
        running_clickhouse(Path(folder) / "data") as server,
    ):
        settings = server.settings
        apply_migrations(settings)
        apply_lifecycle(settings, LifecycleSettings())
        with connect_writer(settings) as writer:
            fill(writer, range(DAYS))
            fill_own(writer, range(DAYS - 60, DAYS))
        with connect_reader(settings) as reader:
            count = reader.command("SELECT count() FROM klines WHERE interval = '1m'")
            print(f"{count:,} candles of 1m; 30 days a query, {queries} queries each")
            print(f"{os.cpu_count()} cores; load of the last minute {os.getloadavg()[0]:.1f}")
            for name, source in QUERIES.items():
                show(name, *measure(reader, source, queries, history))
            beside = QUERIES["1h of 15m, 720 candles"]
            show("1h where trades stand beside", *measure(reader, beside, queries, both))
            began = time.perf_counter()
            months = reader.query("SELECT * FROM completeness WHERE interval = '1m'").row_count
            print(f"completeness of 1m: {time.perf_counter() - began:.2f} s, {months} months")
            began = time.perf_counter()
            days = sum(day.sha256 is not None for day in read_digests(reader, symbol="BTCUSDT"))
            print(f"digests of days: {time.perf_counter() - began:.2f} s, {days} days")


if __name__ == "__main__":
    main()
