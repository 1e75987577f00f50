"""Benchmark of a folder of official archives: fetched, checked, compared, and stored, twice.

    python -m bench.bench_archives [FOLDER]

The folder has daily or monthly archives of 1m and 15m klines as the exchange published them, by
default the few real days of the tests. The simulated exchange's archive server serves them. A
Kafka, a ClickHouse and the sinks run on this machine too. `candlewick backfill --source archive`
fetches them, and its comparison of 15m with 1m candles is part of the time. The second run finds
nothing to do.
"""

import argparse
import re
import resource
import subprocess
import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.support.backfilling import DATA, Past, sinks, store_environment
from tests.support.servers import (
    running_clickhouse,
    running_exchange,
    running_kafka,
)

NAME = re.compile(r"([A-Z0-9]+)-(1m|15m)-(\d{4}-\d{2}(?:-\d{2})?)\.zip")
COUNTS = """
SELECT interval, count(), uniqExact(symbol, open_time), sum(trade_count) FROM klines FINAL
GROUP BY interval ORDER BY interval
"""
CHECKS = """
SELECT state, count(), sum(compared), sum(differing) FROM
(SELECT symbol, open_time, argMax(state, checked_time) AS state, argMax(c.compared, checked_time) AS
compared, argMax(c.differing, checked_time) AS differing FROM cross_checks AS c
GROUP BY symbol, open_time) GROUP BY state
"""


def span_of(folder: Path) -> tuple[tuple[str, ...], str, str, int]:
    """Symbols, first day, the day after the last, and the number of files."""
    found = [named for path in folder.rglob("*.zip") if (named := NAME.fullmatch(path.name))]
    days = sorted(name[3] if len(name[3]) > len("2022-01") else f"{name[3]}-31" for name in found)
    after = date.fromisoformat(days[-1]) + timedelta(days=1)
    return tuple(sorted({name[1] for name in found})), days[0], after.isoformat(), len(found)


def backfill(environment: dict[str, str], *arguments: str) -> tuple[float, float]:
    """Seconds that it took, and seconds of CPU of its process."""
    began, used = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "candlewick", "backfill", "--source", "archive", *arguments]
    subprocess.run(command, env=environment | {"COLUMNS": "160"}, check=True)
    took = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = took.ru_utime + took.ru_stime - used.ru_utime - used.ru_stime
    return time.perf_counter() - began, cpu_s


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=DATA / "archives")
    folder = parser.parse_args().folder
    symbols, first, after, files = span_of(folder)
    now = (date.fromisoformat(after) + timedelta(days=10)).isoformat()
    with (
        tempfile.TemporaryDirectory() as made,
        running_exchange(archives=str(folder), start=f"{now}T12:00:00Z") as exchange,
        running_kafka(Path(made) / "kafka") as kafka,
        running_clickhouse(Path(made) / "clickhouse") as store,
    ):
        past = Past(kafka, exchange, Path(made))
        past.create_topics()
        environment = past.environment | store_environment(store)
        arguments = ("--symbols", ",".join(symbols), "--from", first, "--to", after)
        with sinks(past, store), store.client(database="candlewick") as client:
            for run in ("first", "second"):
                took_s, cpu_s = backfill(environment, *arguments)
                rows = client.query(COUNTS).result_rows
                count = sum(row[1] for row in rows)
                rate = f"{count / took_s:,.0f} rows/s" if run == "first" else "nothing to do"
                print(f"{run}: {files:,} files, {count:,} rows held, {rate}")
                print(f"  {took_s:.1f} s, of the backfill's own process {cpu_s:.1f} s of CPU")
                for interval, held, distinct, trades in rows:
                    print(f"  {interval}: {held:,} rows, {distinct:,} distinct, {trades:,} trades")
                holes = client.query(
                    "SELECT kind, count() FROM holes FINAL GROUP BY kind"
                ).result_rows
                print(f"  holes: {dict(holes)}")
                for state, days, compared, differing in client.query(CHECKS).result_rows:
                    print(f"  {state}: {days:,} days, {compared:,} compared, {differing:,} differ")


if __name__ == "__main__":
    main()
