"""Benchmark of scale: how cost grows with symbols, rate, history and clients of the API.

    .venv/bin/python -m bench.scaling [SLOPE ...] [--quick] [--out FILE]

Each slope is one run. ``symbols`` and ``rate`` run everything that makes candles and predictions on
a made-up exchange (`bench.end_to_end.whole`), whose own side is told apart. ``history`` asks the
API what the page asks, over more and more stored days. ``stream``, ``predict`` and ``candles`` add
clients and requests to one process of the API. Results go to a file, of which
``python -m bench.scaling.report`` makes tables, pictures and the sizing of docs/scaling.md.
"""

import argparse
import shlex
import sys
from pathlib import Path

from bench.end_to_end.designs import RUST, build
from bench.end_to_end.processes import machine
from bench.scaling import pipeline
from bench.scaling.results import KEPT, Run, keep

SLOPES = ("symbols", "rate")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("slopes", nargs="*", help=f"{', '.join(SLOPES)}; all without any")
    parser.add_argument("--seconds", type=float, default=60, help="of each point of the pipeline")
    parser.add_argument("--quick", action="store_true", help="one short slope: does it work?")
    parser.add_argument("--out", type=Path, help=f"{KEPT.name} beside this module, unless quick")
    asked = parser.parse_args()
    if unknown := {*asked.slopes} - {*SLOPES}:
        parser.error(f"no such slope: {', '.join(unknown)}")
    if asked.quick:
        asked.slopes, asked.seconds = ["symbols"], 10
    build(RUST)
    if not RUST.exists():
        print("The exchange's side needs Cargo: install Rust, then run this again")
        return
    print(machine(), flush=True)
    for slope in asked.slopes or SLOPES:
        print(f"== {slope}", flush=True)
        run = measured(slope, asked)
        if asked.out or not asked.quick:
            keep(run, asked.out or KEPT)


def measured(slope: str, asked: argparse.Namespace) -> Run:
    command = f"python -m bench.scaling {shlex.join(sys.argv[1:])}".strip()
    if slope == "symbols":
        counts = (11, 60) if asked.quick else (11, 60, 400, 1500)
        return pipeline.by_symbols(counts, 2_000, asked.seconds, command)
    rates = (200, 2_000, 10_000, 20_000, 40_000, 80_000)
    return pipeline.by_rate(1500, rates, asked.seconds, command)


if __name__ == "__main__":
    main()
