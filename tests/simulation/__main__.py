"""Simulate schedules until so many steps are done: ``python -m tests.simulation``."""

import argparse
import os
import sys
import time

from tests.simulation.running import Outcome, Tally, run, shrunken


def main() -> None:
    """Run one seed after the other; exit with 1 at the first violation."""
    arguments = _arguments()
    if os.environ.get("PYTHONHASHSEED") != "0":  # the order of sets is part of a schedule
        os.environ["PYTHONHASHSEED"] = "0"
        os.execv(sys.executable, [sys.executable, "-m", "tests.simulation", *sys.argv[1:]])  # noqa: S606
    tally, begun_s, told_s = Tally(), time.monotonic(), time.monotonic()
    seed = arguments.seed
    while tally.steps < arguments.steps:
        outcome = run(seed, skip=arguments.skip)
        tally.count(outcome)
        if outcome.wrong:
            _tell(tally, begun_s)
            _tell_wrong(outcome, arguments.skip)
            sys.exit(1)
        if time.monotonic() - told_s > 10:
            told_s = time.monotonic()
            _tell(tally, begun_s)
        seed += 1
    _tell(tally, begun_s)
    print(f"seeds {arguments.seed} to {seed - 1}: no violation")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--steps", type=int, default=1_000_000, help="end after so many steps")
    parser.add_argument("--seed", type=int, default=1, help="the first seed")
    parser.add_argument(
        "--skip", type=int, nargs="*", default=[], help="faults to leave out, by number"
    )
    return parser.parse_args()


def _tell(tally: Tally, begun_s: float) -> None:
    seconds, cpu_s = time.monotonic() - begun_s, time.process_time()
    crashes = ", ".join(f"{name} {n:,}" for name, n in sorted(tally.crashes.items()))
    print(
        f"{tally.steps:,} steps, {tally.schedules:,} schedules, {tally.faults:,} faults, "
        f"crashes: {crashes or 'none'}; {tally.steps / seconds:,.0f} steps/s, "
        f"{60 * tally.schedules / seconds:,.0f} schedules a minute "
        f"({tally.steps / cpu_s:,.0f} and {60 * tally.schedules / cpu_s:,.0f} of CPU time)",
        flush=True,
    )


def _tell_wrong(outcome: Outcome, skip: list[int]) -> None:
    print(f"VIOLATION with seed {outcome.seed}: {outcome.wrong}")
    if not skip:
        outcome, skip = shrunken(outcome)
    for number, passed_ms, what in outcome.faults:
        print(f"  fault {number} at {passed_ms / 1000:.3f} s: {what}")
    left_out = f" --skip {' '.join(map(str, skip))}" if skip else ""
    print(f"  then: {outcome.wrong}")
    print(f"again: python -m tests.simulation --steps 1 --seed {outcome.seed}{left_out}")


if __name__ == "__main__":
    main()
