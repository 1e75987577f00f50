"""Benchmark of the first start: time until all symbols are warm and have scores of 30 days.

    .venv/bin/python -m bench.bench_first_start [--starts 2] [--minutes 6] [--keep FOLDER]

Runs the local stack on free ports in an empty folder, and queries ClickHouse every second. Prints
the seconds from the start of the command until the first symbol, and then every symbol, has a
stored prediction with status ready; and until every symbol has scores of more than 29 days. Also
prints the CPU time and memory of the predictor with its children; memory that processes share is
divided between them (PSS). The second start uses the same folder.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

import psutil

from bench.local_stack import running_stack
from candlewick.stack.local_settings import reader_settings
from clients.clickhouse import connect_reader
from schemas.errors import CandlewickError

SYMBOLS = 11
DAYS = 29
READY = """
SELECT uniqExact(symbol) FROM predictions
WHERE status = 'ready' AND stored_time >= fromUnixTimestamp64Milli({since:Int64})
"""
SCORED = f"""
SELECT count() FROM (SELECT symbol FROM scores GROUP BY symbol
HAVING uniqExact(toDate(open_time)) > {DAYS})
"""  # noqa: S608 - a number of ours


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--starts", type=int, default=2)
    parser.add_argument("--minutes", type=float, default=6)
    parser.add_argument("--keep", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.keep or Path(temporary)
        folder.mkdir(exist_ok=True)
        for number in range(arguments.starts):
            one_start(folder, number + 1, arguments.minutes * 60)


def one_start(folder: Path, number: int, most_s: float) -> None:
    os.environ["CANDLEWICK_DATA_DIR"] = str(folder)
    began_ms, began_s = time.time_ns() // 10**6, time.monotonic()
    load = os.getloadavg()[0]
    try:
        with running_stack("up", folder) as stack:
            watch(stack, number, began_ms, began_s + most_s)
    finally:
        print(f"start {number}: load was {load:.1f} before, {os.getloadavg()[0]:.1f} at the end")


def watch(stack: psutil.Process, number: int, began_ms: int, until_s: float) -> None:
    seen: dict[str, float] = {}
    most_mb, all_mb, cpu_s = 0.0, 0.0, 0.0
    while time.monotonic() < until_s and "scores of 30 days" not in seen:
        time.sleep(1)
        after_s = time.time() - began_ms / 1000
        ready, scored = asked(READY, began_ms), asked(SCORED, began_ms)
        done = {
            "first symbol warm": ready > 0,
            "every symbol warm": ready == SYMBOLS,
            "scores of 30 days": scored == SYMBOLS,
        }
        for name in [name for name, reached in done.items() if reached and name not in seen]:
            seen[name] = after_s
            print(f"start {number}: {name} after {after_s:.0f} s", flush=True)
        mb, family_mb, family_s = resources(stack)
        most_mb, all_mb, cpu_s = max(most_mb, family_mb), max(all_mb, mb), max(cpu_s, family_s)
    print(
        f"start {number}: predictor with children {most_mb:.0f} MB, {cpu_s:.0f} s of CPU; ", end=""
    )
    print(f"everything {all_mb:.0f} MB at most")


def asked(query: str, since_ms: int) -> int:
    try:
        with connect_reader(reader_settings().clickhouse) as client:
            return int(client.query(query, {"since": since_ms}).result_rows[0][0])
    except (CandlewickError, Exception):  # noqa: BLE001 - not there yet
        return -1


def resources(stack: psutil.Process) -> tuple[float, float, float]:
    everything = family = cpu_s = 0.0
    predictors = set()
    for process in [stack, *stack.children(recursive=True)]:
        try:
            mb, words = process.memory_full_info().pss / 1e6, process.cmdline()
            everything += mb
            is_child = process.ppid() in predictors  # a forked one has the same command line
            if "predictor" in words or is_child:
                predictors.add(process.pid)
                family += mb
                times = process.cpu_times()
                cpu_s += times.user + times.system
                if not is_child:
                    cpu_s += times.children_user + times.children_system
        except psutil.Error:
            continue
    return everything, family, cpu_s


if __name__ == "__main__":
    main()
