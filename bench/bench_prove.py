"""Benchmark of `candlewick backfill --trades`: trades a second unzipped, parsed and folded.

    python -m bench.bench_prove [--trades 3000000] [--rounds 3]

Writes a random market of one day in the official aggTrades form into a zip, and folds it as the
command does with a file that it has fetched, into candles of 1m and 15m, encoded for Kafka.
`candlewick replay` of the same zip stands beside it, into 1m candles, with its start.
"""

import argparse
import random
import tempfile
import time
import zipfile
from datetime import UTC, date, datetime
from pathlib import Path

from bench.bench_replay import measure
from candlewick.offline.proving.folding import fold_file
from producers.binance.archive_names import Archive

DAY = date(2024, 8, 1)
DAY_MS = 86_400_000


def write(path: Path, trades: int) -> None:
    draw = random.Random(1)
    start_ms = int(datetime(DAY.year, DAY.month, DAY.day, tzinfo=UTC).timestamp()) * 1000
    trade_id, price, lines = 0, 6_460_000, []
    for agg_id in range(trades):
        fills = draw.randrange(1, 4)
        price += draw.randrange(-50, 51)
        quantity = draw.randrange(1, 500_000)
        lines.append(
            f"{agg_id},{price // 100}.{price % 100:02d}000000,"
            f"{quantity // 100_000}.{quantity % 100_000:05d}000,{trade_id},"
            f"{trade_id + fills - 1},{start_ms + agg_id * DAY_MS // trades},"
            f"{draw.random() < 0.5},True\n"
        )
        trade_id += fills
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(path.with_suffix(".csv").name, "".join(lines))


def fold(path: Path, trades: int) -> None:
    file = Archive("BTCUSDT", None, DAY, 1)
    before, start = time.process_time(), time.perf_counter()
    with path.open("rb") as held:
        found = fold_file(held, file, None, lambda _: None)
    took, cpu = time.perf_counter() - start, time.process_time() - before
    assert found.trades == trades
    assert (len(found.whole), len(found.lacking)) == (1440 + 96, 0)
    rate, share = trades / took, trades / cpu
    print(f"backfill --trades: {rate:,.0f} trades/s, {share:,.0f} a CPU second")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trades", type=int, default=3_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"BTCUSDT-aggTrades-{DAY}.zip"
        write(path, arguments.trades)
        for _ in range(arguments.rounds):
            fold(path, arguments.trades)
            measure(path, arguments.trades, "--interval", "1m")


if __name__ == "__main__":
    main()
