"""How the answers to the page's questions, and the memory, grow with the history that is kept."""

import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import httpx
import numpy as np
from clickhouse_connect.driver.client import Client

from bench.bench_rollups import DAY_MS, START_MS, fill, fill_own
from bench.end_to_end.processes import cpu_s, memory_mb
from bench.scaling.results import Point, Run, say
from clients.table_sizes import read_table_sizes
from schemas.settings import DEFAULT_SYMBOLS
from tests.support.api_process import migrated, running_api
from tests.support.servers import running_clickhouse, running_kafka

SYMBOL = DEFAULT_SYMBOLS[0]
MODELS = ("reference", "online", "batch", "blend")
ONE = f"symbol={SYMBOL}"
QUESTIONS = {
    "30 days of 15m candles": f"/v1/candles?{ONE}&interval=15m&limit=2880&order=desc",
    "30 days of 1h candles": f"/v1/candles?{ONE}&interval=1h&limit=720&order=desc",
    "a model's scores": f"/v1/scores?{ONE}",
    "volatility of all": "/v1/volatility",
    "completeness of 31 days": "/v1/completeness/days?interval=15m&days=31",
    "audit of 15m": "/v1/audit?interval=15m",
}
WARM, LEAST, MOST, LONG_S = 1, 4, 200, 5.0
TABLES = ("candles", "klines", "scores")
# Each minute of a candle, as the predictor asks; errors differ in every row.
SCORES = """
INSERT INTO scores (symbol, interval, open_time, close_time, issued_time, minutes_to_close, model,
    version, status, champion, volatility_bp, price, outcome, error_bp, absolute_error_bp,
    squared_error_bp2, pinball_bp, winkler_50_bp, winkler_90_bp, width_50_bp, width_90_bp,
    covered_50, covered_90, open, chance_up, chance_champion, up, brier, log_loss, pinball_nine_bp)
WITH
    fromUnixTimestamp64Milli(toInt64({from_ms:Int64} + number * 60000), 'UTC') AS issued,
    toStartOfInterval(issued, INTERVAL 15 MINUTE) AS opened,
    toInt64(cityHash64(number, {model:String}) % 100000) / 1000 AS error,
    toDecimal128(60000, 8) + toDecimal128(toInt64(cityHash64(number) % 1000000), 8) / 100 AS price,
    {model:String} = 'online' AS answers
SELECT {symbol:String}, '15m', opened, opened + INTERVAL 15 MINUTE, issued,
    15 - date_diff('minute', opened, issued), {model:String}, '1', 'ready', answers,
    error / 3, price, price + 5, error, error, error * error, error / 2, error * 2, error * 3,
    error, error * 2, error < 50, error < 90, price, error / 100, answers,
    error < 50, error / 200, error / 70, error / 2
FROM numbers({minutes:UInt64})
"""


def by_history(days: Sequence[int], command: str) -> Run:
    """Ask the same after more and more days, of all of which both sides' candles are there."""
    run = Run("history", command)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        kafka = stack.enter_context(running_kafka(folder / "kafka"))
        clickhouse = stack.enter_context(running_clickhouse(folder / "clickhouse"))
        migrated(clickhouse)
        settings = {"CANDLEWICK_SYMBOLS": ",".join(DEFAULT_SYMBOLS)}
        api = stack.enter_context(running_api(folder / "api", kafka, clickhouse, settings))
        store = stack.enter_context(clickhouse.client(database="candlewick"))
        http = stack.enter_context(api.client())
        pids = {"API": api.process.pid, "ClickHouse": clickhouse.pid}
        today = int(time.time() * 1000 - START_MS) // DAY_MS
        for before, until in zip([0, *days], days, strict=False):
            fill_all(store, range(today - until, today - before))
            run.points.append(say(look(store, http, pids, until)))
    return run


def fill_all(store: Client, days: range) -> None:
    for symbol in DEFAULT_SYMBOLS:
        fill(store, days, symbol)
    fill_own(store, days)
    for model in MODELS:
        asked = {"symbol": SYMBOL, "model": model, "minutes": len(days) * 1440}
        store.command(SCORES, parameters=asked | {"from_ms": START_MS + days.start * DAY_MS})


def look(store: Client, http: httpx.Client, pids: dict[str, int], days: int) -> Point:
    delays: dict[str, list[float]] = {}
    figures: dict[str, float] = {}
    began = time.monotonic()
    before = {name: cpu_s(pid) for name, pid in pids.items()}
    for name, path in QUESTIONS.items():
        if times := ask(http, path):
            delays[name] = [float(ms) for ms in np.percentile(times, [50, 95, 99])]
        else:
            figures[f"given up: {name}"] = 1
    cores = {n: (cpu_s(pid) - before[n]) / (time.monotonic() - began) for n, pid in pids.items()}
    for size in read_table_sizes(store):
        if size.table in TABLES:
            figures[f"rows of {size.table}"] = size.rows
            figures[f"MB of {size.table}"] = size.bytes / 1e6
    memory = {name: memory_mb(pid) for name, pid in pids.items()}
    return Point(days, cores, memory, delays, figures)


def ask(http: httpx.Client, path: str) -> list[float]:
    """Ask again and again, one after the other; return the milliseconds of each answer.

    There are none where ClickHouse may take no longer for it.
    """
    times: list[float] = []
    until_s = time.monotonic() + LONG_S
    while len(times) < WARM + MOST and (len(times) < LEAST or time.monotonic() < until_s):
        began = time.perf_counter()
        answer = http.get(path)
        if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
            return []
        answer.raise_for_status()
        times.append((time.perf_counter() - began) * 1000)
    return times[WARM:]
