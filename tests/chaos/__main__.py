"""Chaos: a whole stack on this machine, with faults at random times, and what came of it.

    python -m tests.chaos [MINUTES] [SEED] [--schedule]

The same seed gives the same faults at the same times. It ends with 1 when anything is wrong; then
the data folder is kept.
"""

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

from tests.chaos.running import Outcome, run
from tests.chaos.schedule import schedule, shown


def main() -> int:
    """Read the command line, run, print."""
    asked = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    asked.add_argument("minutes", type=float, nargs="?", default=10, help="how long faults happen")
    asked.add_argument("seed", type=int, nargs="?", help="left out: any, which is printed")
    asked.add_argument("--schedule", action="store_true", help="print the faults, do none")
    given = asked.parse_args()
    seed = random.randrange(10_000) if given.seed is None else given.seed
    if given.schedule:
        sys.stdout.write(f"{shown(schedule(seed, given.minutes))}\n")
        return 0
    _say(f"seed {seed}, {given.minutes:g} minutes")
    with tempfile.TemporaryDirectory(prefix="candlewick-chaos-") as folder:
        outcome = run(Path(folder) / f"seed-{seed}", seed=seed, minutes=given.minutes, say=_say)
    sys.stdout.write(f"{told(outcome)}\n")
    return 1 if outcome.wrong else 0


def told(outcome: Outcome) -> str:
    """Return what came of a run; of one that failed the schedule and the first difference too."""
    faults = ", ".join(f"{name} {count}" for name, count in sorted(outcome.done.items()))
    which = f"seed {outcome.seed}, {outcome.minutes:g} minutes"
    hits = f"{outcome.done.total()} faults, {outcome.missed.total()} more hit nothing"
    lines = [
        f"{which}: {hits}, {len(outcome.wrong)} wrong",
        f"faults: {faults}",
        f"judged: {outcome.judged}",
        f"at most: {outcome.peaks.shown()}",
    ]
    if outcome.wrong:
        first, *others = outcome.wrong
        lines = [shown(outcome.after), *others[:20], *lines, f"first difference: {first}"]
    return "\n".join(lines)


def _say(line: str) -> None:
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {line}\n")


if __name__ == "__main__":
    sys.exit(main())
