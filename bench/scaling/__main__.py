"""Benchmark of scale: how cost grows with symbols, rate, history and clients of the API.

    .venv/bin/python -m bench.scaling [SLOPE ...] [--quick] [--out FILE]

Each slope is one run. ``symbols`` and ``rate`` run everything that makes candles and predictions on
a made-up exchange (`bench.end_to_end.whole`), whose own side is told apart. ``history`` asks the
API what the page asks, over more and more stored days. ``stream``, ``predict`` and ``candles`` add
clients and requests to one process of the API. ``stored`` weighs what a demo
keeps. Results go to a file, of which ``python -m bench.scaling.report`` makes the tables, pictures
and the sizing of docs/scaling.md.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

from bench.bench_api import PREDICT
from bench.end_to_end.designs import RUST, build
from bench.end_to_end.processes import machine
from bench.scaling.clients import CANDLES, by_requests, by_stream_clients
from bench.scaling.history import by_history
from bench.scaling.pipeline import by_rate, by_symbols
from bench.scaling.results import KEPT, Run, keep
from bench.scaling.sizes import of_a_start

SECONDS = 60  # so that one minute ends in them
RATES = (200, 2_000, 10_000, 40_000, 60_000, 80_000)
# Each takes the seconds of a point of the pipeline, and the command, and makes one run.
SLOPES: dict[str, Callable[[float, str], Run]] = {
    "symbols": lambda s, c: by_symbols((11, 60, 400, 1_500), 2_000, s, c),
    "rate": lambda s, c: by_rate(1_500, RATES, s, c),
    "history": lambda _, c: by_history((30, 120, 365), c),
    "stream": lambda _, c: by_stream_clients((0, 500, 1_000, 2_000, 4_000), c),
    "predict": lambda _, c: by_requests("predict", PREDICT, (100, 400, 800, 1_600), 8, c),
    "candles": lambda _, c: by_requests("candles", CANDLES, (5, 10, 20, 40), 8, c),
    "stored": lambda _, c: of_a_start(c),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("slopes", nargs="*", help=f"{', '.join(SLOPES)}; all without any")
    parser.add_argument(
        "--seconds", type=float, default=SECONDS, help="of each point of the pipeline"
    )
    parser.add_argument("--quick", action="store_true", help="one short slope: does it work?")
    parser.add_argument("--out", type=Path, default=KEPT)
    asked = parser.parse_args()
    if unknown := {*asked.slopes} - {*SLOPES}:
        parser.error(f"no such slope: {', '.join(unknown)}")
    build(RUST)
    if not RUST.exists():
        print("The exchange's side needs Cargo: install Rust, then run this again")
        return
    print(machine(), flush=True)
    if asked.quick:
        by_symbols((11, 60), 2_000, 10, "")
        return
    for slope in asked.slopes or SLOPES:
        print(f"== {slope}", flush=True)
        longer = f" --seconds {asked.seconds:g}" if asked.seconds != SECONDS else ""
        command = f"python -m bench.scaling {slope}{longer}"
        keep(SLOPES[slope](asked.seconds, command), asked.out)


if __name__ == "__main__":
    main()
