"""Three brokers and everything twice on this machine: how long each is missed, and what is lost.

    python -m tests.brokers [NAME ...] [--rate 2000] [--no-rolling]

Each broker and process is killed in turn, three seconds before a minute ends, and started again
half a minute later; the stream, which is there once, at once. Then each is stopped and started,
one by one. Printed are, after each, the longest time without anything new of a symbol, and how late
after its minute its candle and its predictions came, at most; seconds. At the end every trade,
candle, prediction and score is compared with the exchange's. It ends with 1 when anything is wrong.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.brokers.running import Outcome, run, targets


def main() -> int:
    """Read the command line, run, print."""
    asked = argparse.ArgumentParser(prog="python -m tests.brokers", description=__doc__)
    asked.add_argument("names", nargs="*", default=targets(), help="what is killed; left out: all")
    asked.add_argument("--rate", type=float, default=2_000, help="trades a second of the market")
    asked.add_argument("--rolling", action=argparse.BooleanOptionalAction, default=True)
    given = asked.parse_args()
    with tempfile.TemporaryDirectory(prefix="candlewick-brokers-") as folder:
        outcome = run(
            Path(folder), rate=given.rate, killed=given.names, say=_say, rolls=given.rolling
        )
    sys.stdout.write(f"{table(outcome)}\n")
    return 1 if outcome.wrong else 0


def table(outcome: Outcome) -> str:
    """Return what came of a run."""
    steps = list(outcome.rows[0].pauses)
    lines = [f"| fault | {' | '.join(steps)} | ended by itself |", "|---" * (len(steps) + 2) + "|"]
    lines += [
        f"| {row.fault} | {' | '.join(f'{row.pauses[step]:.1f}' for step in steps)} | {row.left} |"
        for row in outcome.rows
    ]
    wrong = [f"{len(outcome.wrong)} wrong", *outcome.wrong[:20]]
    return "\n".join([*lines, "", f"judged: {outcome.judged}", *wrong])


def _say(line: str) -> None:
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {line}\n")


if __name__ == "__main__":
    sys.exit(main())
