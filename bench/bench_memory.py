"""Benchmark of memory: the memory of every process of a stack, and its growth.

    .venv/bin/python -m bench.bench_memory [--minutes 30] [--rate 2000]

Runs the local stack on free ports in a temporary folder, and reads the memory of every
process (`candlewick.stack.process_memory`) every ten seconds. Prints it at the start (after two
minutes), in the middle and at the end, with the slope of a line through all readings after the
start, in MB an hour.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import psutil

from bench.local_stack import running_stack
from candlewick.stack.process_memory import memory_bytes

WARM_UP_S = 120
EVERY_S = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--rate", type=float, default=2000)
    arguments = parser.parse_args()
    rate = {"CANDLEWICK_SIMULATION__RATE": str(arguments.rate)}
    with (
        tempfile.TemporaryDirectory() as folder,
        running_stack("up", Path(folder), rate) as stack,
    ):
        report(readings(stack, arguments.minutes * 60))


def readings(stack: psutil.Process, seconds: float) -> list[dict[str, float]]:
    found, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(EVERY_S)
        found.append(
            {"supervisor": memory_mb(stack)} | {name_of(p): memory_mb(p) for p in stack.children()}
        )
    return found


def memory_mb(process: psutil.Process) -> float:
    return (memory_bytes(process) or 0) / 1e6


def name_of(process: psutil.Process) -> str:
    words = process.cmdline()
    if any("kafka.Kafka" in word for word in words):
        return "kafka"
    return " ".join(words[words.index("-m") + 1 :][:2]).split(" --")[0]


def report(found: list[dict[str, float]]) -> None:
    warm = found[WARM_UP_S // EVERY_S :]
    print(f"{'process':34} {'start':>7} {'middle':>7} {'end':>7} {'MB/hour':>8}")
    for name in warm[-1]:
        values = [reading.get(name, 0.0) for reading in warm]
        hours = [i * EVERY_S / 3600 for i in range(len(values))]
        slope = statistics.linear_regression(hours, values).slope
        middle = values[len(values) // 2]
        print(f"{name:34} {values[0]:7.0f} {middle:7.0f} {values[-1]:7.0f} {slope:8.1f}")
    print(f"{'all':34} most {max(sum(reading.values()) for reading in found):.0f} MB")


if __name__ == "__main__":
    main()
