"""Benchmark of many symbols: followed by pattern, added and removed under load, nothing lost.

    .venv/bin/python -m bench.bench_symbols [--symbols 60 400] [--rounds 6]

The stream producer follows `SIM*` of a simulated exchange that lists so many made-up coins. While
it runs, a tenth of them is removed by hand, and added again a few seconds later, round after round.
Then the ids of every symbol in Kafka must follow each other without a hole. It prints the time
until every symbol has its first block, the time from the command to the first block of an added
symbol, connections, the request weight a minute, and the processor time of the producer.
"""

import argparse
import tempfile
import time
from pathlib import Path

import psutil

from clients.kafka.writer import Writer
from schemas import topics
from schemas.codecs import message_of
from schemas.market import Gap, GapState
from schemas.symbols import by_hand
from tests.support.servers import running_exchange, running_kafka
from tests.support.stream_world import StreamWorld

PATIENCE_S = 240.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--symbols", type=int, nargs="+", default=[60, 400])
    parser.add_argument("--rounds", type=int, default=6)
    arguments = parser.parse_args()
    for many in arguments.symbols:
        measure(many, arguments.rounds)


def measure(many: int, rounds: int) -> None:
    names = [f"SIM{i}USDT" for i in range(1, many + 1)]
    listed = ",".join(["BTCUSDT", "ETHUSDT", *names])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        with (
            running_kafka(path / "kafka", partitions=4) as kafka,
            running_exchange(symbols=listed, recorded=False, rate=150.0) as exchange,
        ):
            world = StreamWorld(kafka, exchange, path)
            began = time.monotonic()
            with world.stream("SIM*", stream__status_s=60) as stream:
                process = psutil.Process(stream.pid)
                world.until(lambda: followed(world) >= set(names), within_s=PATIENCE_S)
                all_s = time.monotonic() - began
                used, took = [], []
                busy_s, at_s = sum(process.cpu_times()[:2]), time.monotonic()
                for number in range(rounds):
                    part = names[number % 10 :: 10]
                    took.append(come_and_go(world, part, names))
                    used.append(weight(world))
                busy = (sum(process.cpu_times()[:2]) - busy_s) / (time.monotonic() - at_s)
                world.until_head(*names)
                assert stream.poll() is None, "the stream has left"
            for name in names:
                world.assert_whole(name)
            connections = (path / "stream.log").read_text().count("opening the next")
            gaps = world.read(topics.GAPS, Gap)
            lost = sum(gap.state == GapState.GIVEN_UP for gap in gaps)
            world.close()
    print(
        f"{many} symbols: all followed after {all_s:.1f} s; {rounds} rounds of "
        f"{len(names) // 10} removed and added: first block of an added one after "
        f"{max(took):.1f} s at most, {connections} connections replaced, weight of a minute at "
        f"most {max(used)} of 6000, {busy:.2f} processors, "
        f"{lost} holes given up, restarts 0"
    )


def followed(world: StreamWorld) -> set[str]:
    world.blocks("")
    return {block.symbol for block in world.records[topics.TRADES.name]}  # type: ignore[union-attr]


def come_and_go(world: StreamWorld, part: list[str], names: list[str]) -> float:
    choose(world, part, is_followed=False)
    world.until(lambda: have_left(world, part), within_s=PATIENCE_S)
    rest = [name for name in names if name not in part][:20]
    heads = {name: world.head(name) for name in rest}
    world.until(lambda: all(world.next_id(n) >= h for n, h in heads.items()), within_s=PATIENCE_S)
    began = time.monotonic()
    before = {name: world.watermark_ms(name) for name in part}
    choose(world, part, is_followed=True)
    world.until(lambda: all(world.watermark_ms(n) > before[n] for n in part), within_s=PATIENCE_S)
    return time.monotonic() - began


def choose(world: StreamWorld, part: list[str], *, is_followed: bool) -> None:
    writer = Writer(world.kafka.settings)
    for name in part:
        choice = by_hand(name, is_followed=is_followed, now_ms=time.time_ns() // 10**6, reason="")
        writer.put(topics.SYMBOLS.name, message_of(choice))


def have_left(world: StreamWorld, part: list[str]) -> bool:
    lines = (world.folder / "stream.log").read_text().splitlines()
    newest = {}
    for line in lines:
        for name in part:
            if f"following {name} no more" in line:
                newest[name] = True
            elif "also following" in line and name in line:
                newest[name] = False
    return all(newest.get(name) for name in part)


def weight(world: StreamWorld) -> int:
    return int(world.exchange.get("/api/v3/time").headers["X-MBX-USED-WEIGHT-1M"])


if __name__ == "__main__":
    main()
