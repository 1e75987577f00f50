"""Benchmark of a long run: what grows, in each process, and whether candles come later and later.

    .venv/bin/python -m bench.bench_soak [--minutes 120] [--rate 2000] [--readings FILE]

Runs the local stack on free ports in a temporary folder. Every ten seconds it reads of each process
the memory (`candlewick.stack.process_memory`), the open files and the threads. The first 20 minutes
fetch and score the past, so they are told apart. Prints a table by process: memory after these
minutes, in the middle and at the end, the slope of a line through all readings in MB an hour, how
far the readings of the last hour lie apart in per cent of their mean, and open files and threads at
the start and at the end. Then, in ten-minute windows, how long after its minute a candle was
stored. At the end the candles are compared with the exchange's.
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

import psutil

from bench.local_stack import name_of, running_stack
from candlewick.client.connect import connect
from candlewick.stack.process_memory import memory_bytes

WARM_UP_S = 20 * 60
EVERY_S = 10
HOUR_S = 3600
_DELAYS = """
SELECT intDiv(toUnixTimestamp64Milli(close_time) - {began_ms:Int64}, 600000) AS window, count(),
    quantiles(0.5, 0.99, 1)(date_diff('millisecond', close_time, stored_time))
FROM candles
WHERE interval = '1m' AND revision = 1 AND toUnixTimestamp64Milli(close_time) >= {began_ms:Int64}
GROUP BY window ORDER BY window
"""
_AUDIT = """
SELECT toString(result), count() FROM audit
WHERE interval = '1m' AND toUnixTimestamp64Milli(open_time) >= {began_ms:Int64} GROUP BY result
"""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a process holds at a moment, ``at_s`` seconds after the start."""

    process: str
    at_s: float
    memory_mb: float
    files: int
    threads: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=120)
    parser.add_argument("--rate", type=float, default=2000)
    parser.add_argument("--readings", type=Path, default=Path(os.devnull), help="a line each")
    arguments = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        arguments.readings.open("w", encoding="utf-8") as log,
        running_stack(
            "up", Path(folder), {"CANDLEWICK_SIMULATION__RATE": str(arguments.rate)}
        ) as stack,
    ):
        began_ms = time.time_ns() // 10**6
        seconds = arguments.minutes * 60
        warm_s = min(WARM_UP_S, seconds / 2)
        report(list(readings(stack, seconds, log)), warm_s)
        os.environ["CANDLEWICK_DATA_DIR"] = folder
        report_candles(began_ms, warm_s)


def readings(stack: psutil.Process, seconds: float, log: IO[str]) -> Iterator[Reading]:
    began = time.monotonic()
    while time.monotonic() < began + seconds:
        time.sleep(EVERY_S)
        for process in (stack, *stack.children()):
            try:
                found = read(process, name_of(process, stack), began)
            except (psutil.Error, OSError, ValueError):  # it has ended meanwhile
                continue
            print(json.dumps(asdict(found)), file=log, flush=True)
            yield found


def read(process: psutil.Process, name: str, began: float) -> Reading:
    memory = (memory_bytes(process) or 0) / 1e6
    at_s = time.monotonic() - began
    return Reading(name, at_s, memory, process.num_fds(), process.num_threads())


def report(found: list[Reading], warm_s: float) -> None:
    end_s = found[-1].at_s
    warm = [reading for reading in found if reading.at_s >= warm_s]
    print("| process | MB, start | middle | end | MB an hour | last hour, % | files | threads |")
    print("|---" * 8 + "|")
    for name in sorted({reading.process for reading in warm if reading.at_s > end_s - 2 * EVERY_S}):
        print(_row(name, [reading for reading in warm if reading.process == name]))
    sums: dict[float, float] = {}
    for reading in found:
        moment = round(reading.at_s / EVERY_S)
        sums[moment] = sums.get(moment, 0.0) + reading.memory_mb
    print(f"\nAll processes together, at most: {max(sums.values()):,.0f} MB")


def _row(name: str, found: list[Reading]) -> str:
    memory = [reading.memory_mb for reading in found]
    slope = statistics.linear_regression([r.at_s / HOUR_S for r in found], memory).slope
    last = [r.memory_mb for r in found if r.at_s >= found[-1].at_s - HOUR_S]
    spread = 100 * (max(last) - min(last)) / statistics.mean(last)
    files, threads = (f"{a} to {b}" for a, b in _ends(found))
    return (
        f"| {name} | {memory[0]:.0f} | {memory[len(memory) // 2]:.0f} | {memory[-1]:.0f} | "
        f"{slope:+.1f} | {spread:.1f} | {files} | {threads} |"
    )


def _ends(found: list[Reading]) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the median of files and of threads at the start and at the end, each of a tenth."""
    tenth = max(1, len(found) // 10)
    ends = (found[:tenth], found[-tenth:])
    files = [int(statistics.median(r.files for r in part)) for part in ends]
    threads = [int(statistics.median(r.threads for r in part)) for part in ends]
    return (files[0], files[1]), (threads[0], threads[1])


def report_candles(began_ms: int, warm_s: float) -> None:
    """Say how long after its minute a candle was stored, and what the exchange says of them."""
    store, bound = connect(), {"began_ms": began_ms + int(warm_s * 1000)}
    print("\n| after minute | candles | p50, ms | p99, ms | most, ms |\n|---|---|---|---|---|")
    for window, count, delays in store.query(_DELAYS, bound).result_rows:
        p50, p99, most = delays
        minute = warm_s / 60 + 10 * int(window)
        print(f"| {minute:.0f} | {count} | {p50:.0f} | {p99:.0f} | {most:.0f} |")
    results = store.query(_AUDIT, bound).result_rows
    print("\nCandles beside the exchange's:", ", ".join(f"{n} {result}" for result, n in results))
    store.close()


if __name__ == "__main__":
    main()
