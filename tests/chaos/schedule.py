"""What goes wrong, and when: made from a seed alone, so that the same seed repeats it."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import Final

from tests.chaos.lies import lie

SYMBOLS: Final = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "DOTUSDT", "USDCUSDT")
SUPERVISOR: Final = "supervisor"
PARTS: Final = (
    "predictor",
    "backfill",
    "sink-history",
    "candles",
    "candles-2",
    "stream",
    "sink",
    "api",
    "coins",
    "trainer",
)
SERVERS: Final = ("kafka", "clickhouse")
EXCHANGE: Final = "exchange"
LINES: Final = (
    "stream>exchange",
    "stream>kafka",
    "backfill>exchange",
    "backfill>kafka",
    "candles>kafka",
    "candles-2>kafka",
    "predictor>kafka",
    "sink>kafka",
    "sink>clickhouse",
    "sink-history>kafka",
    "sink-history>clickhouse",
    "api>kafka",
    "api>clickhouse",
    "trainer>kafka",
)
DISKS: Final = ("everything", "kafka", "clickhouse")
QUIET_EVERY_S: Final = 420.0
_EVERY_S: Final = (1.5, 2.7)


class Kind(StrEnum):
    """What can go wrong."""

    KILL = "kill"  # -9
    STOP = "stop"  # stands still, and goes on later
    RESTART = "restart"  # asked to end; the supervisor starts it again
    CUT = "cut"  # connections break
    DELAY = "delay"  # connections stand still for a moment
    SILENCE = "silence"  # connections stay open and carry nothing
    LIE = "lie"  # the exchange does what exchanges have done
    DISK = "disk"  # full
    CLOCK = "clock"  # the clock of one process is wrong, and jumps
    QUIET = "quiet"  # no fault: everything is repaired and judged


_WEIGHTS: Final = {
    Kind.KILL: 22,
    Kind.STOP: 16,
    Kind.RESTART: 4,
    Kind.CUT: 9,
    Kind.DELAY: 6,
    Kind.SILENCE: 6,
    Kind.LIE: 34,
    Kind.DISK: 1,
    Kind.CLOCK: 2,
}


_ANY: Final = (*PARTS, *PARTS, *SERVERS, EXCHANGE, SUPERVISOR)
_TARGETS: Final[dict[Kind, tuple[str, ...]]] = {
    Kind.KILL: _ANY,
    Kind.STOP: _ANY,
    Kind.RESTART: SERVERS,
    Kind.CUT: LINES,
    Kind.DELAY: LINES,
    Kind.SILENCE: LINES,
    Kind.DISK: DISKS,
    Kind.CLOCK: (*PARTS, *SERVERS),  # the exchange's is the market's, which never goes back
}
_LASTS_S: Final = {
    Kind.DELAY: (0.2, 3.0),
    Kind.SILENCE: (5.0, 60.0),
    Kind.DISK: (5.0, 20.0),
    Kind.CLOCK: (20.0, 90.0),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault.

    Attributes:
        at_s: Seconds after the start of the run.
        target: A process, ``process>server``, a disk, or the name of a lie.
        for_s: How long it lasts; 0 if it is over at once.
        value: The body that the exchange is sent, or by how many seconds a clock is wrong.
    """

    at_s: float
    kind: Kind
    target: str
    for_s: float = 0.0
    value: str = ""

    @property
    def name(self) -> str:
        """The kind, and for a lie which one: faults are counted by it."""
        return f"{self.kind} {self.target.split()[0]}" if self.kind == Kind.LIE else self.kind

    def __str__(self) -> str:
        lasts = f"for {self.for_s:.1f} s" if self.for_s else ""
        return (
            f"{self.at_s:8.1f} s  {self.kind:8} {self.target:26} {lasts:12} {self.value}".rstrip()
        )


def schedule(seed: int, minutes: float, *, leave_out: frozenset[Kind] = frozenset()) -> list[Fault]:
    """Return the faults of a run, in order; the last one is a quiet point.

    What is left out (a machine may have no libfaketime) changes nothing about the others.
    """
    return [fault for fault in _faults(Random(seed), minutes * 60) if fault.kind not in leave_out]


def _faults(random: Random, end_s: float) -> Iterator[Fault]:
    at_s, quiet_s, restarted = 0.0, QUIET_EVERY_S, False
    while (at_s := at_s + random.uniform(*_EVERY_S)) < end_s:
        if at_s >= quiet_s:
            yield Fault(at_s, Kind.QUIET, "everything")
            quiet_s += QUIET_EVERY_S
        (kind,) = random.choices(list(_WEIGHTS), list(_WEIGHTS.values()))
        fault = _fault(random, at_s, kind)
        # A symbol whose ids have begun again twice within minutes is more than any exchange does.
        if not (restarted and "reset-ids" in fault.target):
            yield fault
        restarted |= "reset-ids" in fault.target
    yield Fault(end_s, Kind.QUIET, "everything")


def _fault(random: Random, at_s: float, kind: Kind) -> Fault:
    if kind == Kind.LIE:
        return Fault(at_s, kind, *lie(random, SYMBOLS))
    target = random.choice(_TARGETS[kind])
    if kind == Kind.STOP:
        return Fault(at_s, kind, target, round(90 ** random.random(), 1))
    for_s = round(random.uniform(*_LASTS_S[kind]), 1) if kind in _LASTS_S else 0.0
    if kind == Kind.CLOCK:
        skew_s = random.choice((-1, 1)) * 3600 ** random.random()
        return Fault(at_s, kind, target, for_s, f"{skew_s:+.1f}")
    return Fault(at_s, kind, target, for_s)


def shown(faults: list[Fault]) -> str:
    """Return the schedule, one fault a line."""
    return "\n".join(map(str, faults))
