"""Benchmark of the whole exchange: all its symbols, with everything running on one machine.

    .venv/bin/python -m bench.bench_whole_exchange [--symbols 1500] [--seconds 30] [--quick]

Producer, broker, worker, sinks, ClickHouse and API run on trades of 1,500 symbols whose shares
follow Zipf's law, with the candles that the exchange sends of each every two seconds. The rate
rises step by step as long as ClickHouse has every trade within eight seconds. Then a burst of ten
times the highest such rate comes for ten seconds, and the rate goes on as before it. At the end the
ids of every symbol are compared with those that the exchange gave, and the candles with the
exchange's own. The exchange's side is written in Rust, and its processor time is told apart.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from bench.end_to_end.designs import RUST, build
from bench.end_to_end.processes import machine
from bench.end_to_end.whole import BEHIND_S, DRAIN_S, WHOLE, Step, Whole, whole_exchange

RATES = (500, 1_000, 2_000, 3_000, 4_000, 6_000, 8_000, 12_000, 16_000, 24_000)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--symbols", type=int, default=1500)
    parser.add_argument("--rates", type=float, nargs="+", default=RATES)
    parser.add_argument("--seconds", type=float, default=30, help="of each rate")
    parser.add_argument("--burst", type=float, help="trades/s; else ten times the highest rate")
    parser.add_argument("--quick", action="store_true", help="few symbols: does it work?")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.symbols, arguments.rates, arguments.seconds = 100, [200, 400], 30
    build(RUST)
    if not RUST.exists():
        print("The exchange's side needs Cargo: install Rust, then run this again")
        return
    print(f"{machine()}; {time.strftime('%Y-%m-%d')}; {arguments.symbols:,} symbols", flush=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        whole_exchange(Path(folder), arguments.symbols) as whole,
    ):
        since_ms = follow_all(whole)
        steps = climb(whole, arguments.rates, arguments.seconds)
        held = max((step.rate for step in steps if step.is_held), default=steps[0].rate)
        slope(steps)
        burst(whole, held, arguments.burst or 10 * held)
        prove(whole, since_ms)


def follow_all(whole: Whole) -> int:
    """Wait until all is quiet after the start, and return since when."""
    took_s = whole.follow()
    print(f"all symbols are followed, and stored, after {took_s:.0f} s\n", flush=True)
    return time.time_ns() // 10**6


def climb(whole: Whole, rates: list[float], seconds: float) -> list[Step]:
    steps: list[Step] = []
    for rate in rates:
        steps.append(whole.hold(rate, seconds))
        names = [*steps[0].cores]
        if len(steps) == 1:
            print(f"| trades/s | {' | '.join(names)} | sum without exchange | behind |")
            print("|---" * (len(names) + 3) + "|")
        cells = [f"{steps[-1].cores[name]:.2f}" for name in names]
        behind = f"{steps[-1].behind_s:.1f} s"
        print(f"| {rate:,.0f} | {' | '.join(cells)} | {steps[-1].sum:.2f} | {behind} |", flush=True)
        if not steps[-1].is_held:
            break
    whole.drain()
    return steps


def slope(steps: list[Step]) -> None:
    """Say what a trade takes, and what the whole exchange does."""
    held = [step for step in steps if step.is_held]
    if len(held) < 2:
        return
    line = statistics.linear_regression([s.rate for s in held], [s.sum for s in held])
    print(f"\nProcessors: {line.intercept:.2f} and {line.slope * 1000:.3f} for 1,000 trades/s.")
    for when, rate in WHOLE.items():
        needed = line.intercept + line.slope * rate
        print(f"The whole exchange {when}, {rate:,} trades/s: {needed:.2f} processors.")


def burst(whole: Whole, rate: float, much: float) -> None:
    before = whole.peak()
    whole.trade(rate)
    time.sleep(10)
    whole.trade(much)
    time.sleep(10)
    whole.trade(rate)
    most = whole.behind()
    took_s = whole.until(lambda: whole.behind() / rate < BEHIND_S, DRAIN_S)
    after = whole.peak()
    print(
        f"\nBurst of {much:,.0f} trades/s for 10 s on {rate:,.0f}: {most:,} trades behind after it,"
    )
    print(f"all stored within {BEHIND_S:.0f} s again after {took_s:.0f} s. Peak memory in MB:")
    peaks = (f"{name} {before[name]:.0f} to {after[name]:.0f}" for name in after)
    print(", ".join(peaks), flush=True)


def prove(whole: Whole, since_ms: int) -> None:
    whole.drain()
    sent, _ = whole.sent()
    missing = whole.missing()
    print(f"\n{sent:,} trades sent; symbols that lack some: {len(missing)}", *missing.items())
    until_ms = time.time_ns() // 10**6
    whole.until(lambda: {*whole.audited(since_ms, until_ms)} <= {"verified"}, DRAIN_S)
    print(f"candles of 1m beside the exchange's: {whole.audited(since_ms, until_ms)}")


if __name__ == "__main__":
    main()
