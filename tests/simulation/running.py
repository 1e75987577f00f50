"""Runs schedules, finds the shortest one that still goes wrong, and tells of it."""

import gc
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.simulation.faults import Odds
from tests.simulation.scene import on_stage
from tests.simulation.violation import Violation
from tests.simulation.world import World


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one schedule.

    Attributes:
        wrong: Which promise does not hold; empty if all do.
        faults: What went wrong around the product: number, milliseconds since the begin, what.
    """

    seed: int
    steps: int
    crashes: Counter[str]
    faults: list[tuple[int, int, str]]
    wrong: str = ""


@dataclass(slots=True)
class Tally:
    """All schedules so far."""

    schedules: int = 0
    steps: int = 0
    faults: int = 0
    crashes: Counter[str] = field(default_factory=Counter)

    def count(self, outcome: Outcome) -> None:
        self.schedules += 1
        self.steps += outcome.steps
        self.faults += len(outcome.faults)
        self.crashes += outcome.crashes


def run(seed: int, *, skip: Iterable[int] = (), odds: Odds | None = None) -> Outcome:
    """Run the schedule of a seed.

    Args:
        seed: Decides all.
        skip: Numbers of faults that are left out.
        odds: What goes wrong; drawn if None.
    """
    world, wrong = World(seed, skip=frozenset(skip), odds=odds), ""
    try:
        with on_stage(world):
            world.run()
    except Violation as violation:  # perhaps of a process as it ends
        wrong = str(violation)
    gc.collect(1)  # dead processes are circles
    return Outcome(seed, world.steps, world.crashes, world.faults, wrong)


def shrunken(outcome: Outcome, *, tries: int = 60) -> tuple[Outcome, list[int]]:
    """Return a schedule with fewer faults that still goes wrong, and the faults it leaves out.

    What is left out changes what comes after it, so this is a search and no proof.
    """
    skip: list[int] = []
    size = max(1, len(outcome.faults) // 2)
    while size and tries:
        numbers = [number for number, _, _ in outcome.faults]
        for start in range(0, len(numbers), size):
            tries -= 1
            fewer = [*skip, *numbers[start : start + size]]
            found = run(outcome.seed, skip=fewer)
            if found.wrong and len(found.faults) < len(outcome.faults):
                outcome, skip = found, fewer
                break
            if not tries:
                break
        else:
            size //= 2
    return outcome, skip
