"""Benchmark of the whole way from websocket frame to closed candle, beside its peers in one table.

    .venv/bin/python -m bench.bench_end_to_end [--rounds 3] [--only Candlewick loop Rust] [--quick]

Each design takes the same trades from the same exchange, over a websocket, into candles in the
same Kafka. Flood: frames come as fast as the producer reads, the worker catches up behind it, and
the clock stops at the last candle. Live: 5,000 trades/s whose event time runs 30 times as fast as
ours, so that many candles close; latency is from the send of the frame that closes a candle to the
candle's arrival at a consumer. Seconds of a processor for a million trades are counted from
outside, after a warm-up, in rounds. Every candle is compared on nine fields. Peers whose tools are
missing are left out: see bench/peers/README.md.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench.end_to_end.designs import Design, build, designs
from bench.end_to_end.market import QUARTER_MS, Market, write_market
from bench.end_to_end.processes import machine
from bench.end_to_end.runs import Row, Stage, flood, live, staged
from bench.end_to_end.tables import flood_table, live_table, summary
from tests.support.servers import RunningKafka, running_kafka

DENSITY = 370  # trades a second of event time in a flood
RATE, SPEED = 5000, 30
WARM_S, TAIL_S = 10, 3
FLOOD_S = 15  # of a picture; give it so many --trades


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--trades", type=int, default=900_000, help="of a flood, warm-up included")
    parser.add_argument("--seconds", type=int, default=40, help="of a live run, after its warm-up")
    parser.add_argument("--only", nargs="+", default=[""], help="words in the names of designs")
    parser.add_argument("--skip", choices=["flood", "live"], help="leave out a kind of run")
    parser.add_argument("--quick", action="store_true", help="one small round: does it work?")
    parser.add_argument("--profile", type=Path, help="folder for pictures of our processes")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.rounds, arguments.trades, arguments.seconds = 1, 120_000, 10
    build()
    chosen = [one for one in designs() if any(word in one.name for word in arguments.only)]
    with tempfile.TemporaryDirectory() as folder, running_kafka(Path(folder) / "kafka") as kafka:
        bench = Bench(kafka, Path(folder), chosen)
        print(f"{machine()}; {time.strftime('%Y-%m-%d')}; {arguments.rounds} rounds", flush=True)
        if arguments.skip != "flood":
            bench.flood(arguments.rounds, arguments.trades, arguments.profile)
        if arguments.skip != "live":
            bench.live(arguments.rounds, arguments.seconds, arguments.profile)


class Bench:
    """Runs the designs round by round on one broker, and prints a table of each kind of run."""

    def __init__(self, kafka: RunningKafka, folder: Path, chosen: list[Design]) -> None:
        self._kafka = kafka
        self._folder = folder
        self._chosen = chosen
        self._start_ms = (int(time.time() * 1000) // QUARTER_MS - 4) * QUARTER_MS
        self._runs = 0

    def flood(self, rounds: int, trades: int, pictures: Path | None) -> None:
        market = self._market("flood", trades, seconds=trades // DENSITY)

        def warmed(stage: Stage) -> Row:
            return flood(stage, warm=trades // 3)

        def measure(stage: Stage) -> Row:
            return flood(stage, trades // 3, lambda s: draw(s, pictures, "flood", FLOOD_S))

        self._run(self._chosen[0], market, warmed)  # not counted: the broker warms up
        print(f"\n{flood_table(self._rounds(rounds, market, measure), self._chosen[0].name)}\n")

    def live(self, rounds: int, seconds: int, pictures: Path | None) -> None:
        whole_s = WARM_S + seconds + TAIL_S
        market = self._market("live", RATE * whole_s, seconds=SPEED * whole_s)

        def measure(stage: Stage) -> Row:
            return live(
                stage, rate=RATE, speed=SPEED, warm_s=WARM_S, seconds=seconds,
                on_warm=lambda s: draw(s, pictures, "live", seconds),
            )  # fmt: skip

        print(f"\n{live_table(self._rounds(rounds, market, measure), self._chosen[0].name)}\n")

    def _market(self, name: str, trades: int, *, seconds: int) -> Market:
        folder = self._folder / name
        folder.mkdir()
        return write_market(folder, trades=trades, seconds=seconds, start_ms=self._start_ms)

    def _rounds(self, rounds: int, market: Market, measure: Callable[[Stage], Row]) -> list[Row]:
        rows = []
        for _ in range(rounds):
            for design in self._chosen:
                try:
                    rows.append(self._run(design, market, measure))
                except Exception as error:  # noqa: BLE001 - the others go on
                    print(f"{design.name} failed: {error!r}", flush=True)
                else:
                    print(summary(rows[-1]), flush=True)
        return rows

    def _run(self, design: Design, market: Market, measure: Callable[[Stage], Row]) -> Row:
        self._runs += 1
        with staged(self._kafka, design, market, self._runs) as stage:
            return measure(stage)


def draw(stage: Stage, folder: Path | None, kind: str, seconds: int) -> None:
    """Have py-spy draw where the time of producer and worker goes, as flame graphs.

    That costs the design something. Of others, and without a folder, nothing is drawn.
    """
    if folder is None or not stage.design.is_ours:
        return
    folder.mkdir(parents=True, exist_ok=True)
    uv = str(Path(sys.executable).with_name("uv"))
    for part in ("producer", "worker"):
        name = stage.design.name.lower().translate({ord(" "): "-", ord("("): "", ord(")"): ""})
        options = ["--pid", str(stage.pids[part]), "--duration", str(seconds)]
        picture = ["--output", str(folder / f"{name}-{part}-{kind}.svg")]
        subprocess.Popen([uv, "tool", "run", "py-spy", "record", *options, *picture])


if __name__ == "__main__":
    main()
