"""What came of a class of inputs, and the table of all."""

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

_EXAMPLES: Final = 6
_LONGEST: Final = 300


class Fault(StrEnum):
    """What must not come of an input."""

    CRASH = "crash"  # a process died or was started again
    SILENCE = "silence"  # something stood still, or the health check stayed red
    LOSS = "loss"  # what came in is nowhere: neither stored nor in the dead letters
    ERROR = "5xx"  # an answer of a server in trouble; 503 with Retry-After is none
    TRACE = "trace"  # a stack trace in a log, or before a person
    TWICE = "twice"  # one reader has buried it more than once
    ACCEPTED = "accepted"  # what should have been refused was taken


@dataclass(slots=True)
class Tally:
    """One class of inputs.

    Attributes:
        code: For example ``3a``.
        tried: How many inputs.
        answers: How often a server answered with each status.
    """

    code: str
    title: str
    tried: int = 0
    faults: Counter[Fault] = field(default_factory=Counter)
    reasons: list[str] = field(default_factory=list)
    answers: Counter[int] = field(default_factory=Counter)

    def blame(self, fault: Fault, what: object, *, count: int = 1) -> None:
        """Write down something that must not be."""
        self.faults[fault] += count
        if sum(fault in reason for reason in self.reasons) < _EXAMPLES:
            self.reasons.append(f"{self.code} {fault}: {what}".strip()[:_LONGEST])

    def answered(self, status: int, what: object, *, retry_after: bool = False) -> None:
        """Count an answer; one of a server in trouble is a fault."""
        self.answers[status] += 1
        if status >= 500 and not (status == 503 and retry_after):
            self.blame(Fault.ERROR, f"{status} for {what}")

    @property
    def is_clean(self) -> bool:
        """Whether nothing went wrong, and something was tried."""
        return self.tried > 0 and not any(self.faults.values())


def table(tallies: list[Tally]) -> str:
    """Return the table, at most 80 columns wide, and under it why a number is not 0."""
    head = f"{'class of input':28} {'tried':>6}" + "".join(
        f"{fault:>{_width(fault)}}" for fault in Fault
    )
    lines = [head, "-" * len(head)]
    for tally in tallies:
        counts = "".join(f"{tally.faults[fault]:>{_width(fault)}}" for fault in Fault)
        lines.append(f"{f'{tally.code:3}{tally.title}'[:28]:28} {tally.tried:>6}{counts}")
    return "\n".join([*lines, *(reason for tally in tallies for reason in tally.reasons)])


def _width(fault: Fault) -> int:
    return max(len(fault), 3) + 1
