"""Benchmark of `candlewick replay`: trades a second turned into candles.

    python bench/bench_replay.py [--trades 3000000]

Writes a random market to a temporary folder in the official aggTrades CSV format (8 decimals,
consecutive ids), plain and zipped, and replays it into 15-minute candles. Wall and CPU time are
those of the whole command, including its start.
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

START_MS = 1_722_470_400_000  # 2024-08-01
COMMAND = [str(Path(sys.executable).with_name("candlewick")), "replay", "--csv"]


def write(path: Path, trades: int) -> None:
    draw = random.Random(1)
    trade_id, time_ms, price = 3_700_000_000, START_MS, 6_460_000
    with path.open("w") as file:
        for agg_id in range(3_000_000_000, 3_000_000_000 + trades):
            fills = draw.randrange(1, 4)
            time_ms += draw.randrange(0, 400)
            price += draw.randrange(-50, 51)
            quantity = draw.randrange(1, 500_000)
            file.write(
                f"{agg_id},{price // 100}.{price % 100:02d}000000,"
                f"{quantity // 100_000}.{quantity % 100_000:05d}000,{trade_id},"
                f"{trade_id + fills - 1},{time_ms},{draw.random() < 0.5},True\n"
            )
            trade_id += fills


def measure(path: Path, trades: int, *options: str) -> None:
    before, start = os.times(), time.perf_counter()
    result = subprocess.run(
        [*COMMAND, *options, str(path)], capture_output=True, text=True, check=True
    )
    took, after = time.perf_counter() - start, os.times()
    cpu = sum(after[2:4]) - sum(before[2:4])
    lines = len(result.stdout.splitlines()) - 1
    kind = path.name.partition(".")[2]
    print(
        f"{kind}: {trades / took:,.0f} trades/s, {trades / cpu:,.0f} a CPU second, {lines} candles"
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--trades", type=int, default=3_000_000)
    trades = parser.parse_args().trades
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "BTCUSDT-aggTrades-2024-08.csv"
        write(path, trades)
        measure(path, trades)
        with zipfile.ZipFile(path.with_suffix(".zip"), "w", zipfile.ZIP_DEFLATED) as archive:
            archive.write(path, path.name)
        measure(path.with_suffix(".zip"), trades)


if __name__ == "__main__":
    main()
