"""Sets of time as half-open runs of milliseconds. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

Run = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Spans:
    """A set of half-open runs ``(start_ms, end_ms)``, ascending and not adjacent."""

    runs: tuple[Run, ...] = ()

    @classmethod
    def of(cls, runs: Iterable[Run]) -> "Spans":
        """Join runs, given in any order; empty ones are ignored."""
        joined: list[Run] = []
        for start, end in sorted(run for run in runs if run[0] < run[1]):
            if joined and start <= joined[-1][1]:
                joined[-1] = (joined[-1][0], max(joined[-1][1], end))
            else:
                joined.append((start, end))
        return cls(tuple(joined))

    @classmethod
    def unflattened(cls, edges: Iterable[int]) -> "Spans":
        """Build the runs from ``start, end, start, end, ...``."""
        flat = tuple(edges)
        return cls.of(zip(flat[::2], flat[1::2], strict=True))

    def flat(self) -> tuple[int, ...]:
        """List the edges as ``start, end, start, end, ...``."""
        return tuple(edge for run in self.runs for edge in run)

    def __iter__(self) -> Iterator[Run]:
        return iter(self.runs)

    def __bool__(self) -> bool:
        return bool(self.runs)

    def __or__(self, other: "Spans") -> "Spans":
        return Spans.of((*self.runs, *other.runs))

    def __sub__(self, other: "Spans") -> "Spans":
        return Spans(tuple(run for mine in self.runs for run in _without(mine, other.runs)))

    def within(self, start_ms: int, end_ms: int) -> "Spans":
        """Return the part in ``[start_ms, end_ms)``."""
        return Spans.of((max(a, start_ms), min(b, end_ms)) for a, b in self.runs)

    def with_run(self, start_ms: int, end_ms: int) -> "Spans":
        """Add a run; cheap if it continues the last one."""
        if self.runs and self.runs[-1][1] == start_ms < end_ms:
            return Spans((*self.runs[:-1], (self.runs[-1][0], end_ms)))
        return Spans.of((*self.runs, (start_ms, end_ms)))

    def holds(self, at_ms: int) -> bool:
        """Return whether a moment is in one of the runs."""
        return any(start <= at_ms < end for start, end in self.runs)

    @property
    def total_ms(self) -> int:
        """Return the summed length of the runs, in milliseconds."""
        return sum(end - start for start, end in self.runs)

    @property
    def end_ms(self) -> int | None:
        """Return the end of the last run; None if there is none."""
        return self.runs[-1][1] if self.runs else None


def runs_of(opens_ms: Iterable[int], length_ms: int) -> Spans:
    """Return the time that candles cover, from ascending opening times and one length."""
    opens = list(opens_ms)
    if not opens:
        return Spans()
    breaks = [at for at, (a, b) in enumerate(pairwise(opens), 1) if b - a != length_ms]
    edges = [0, *breaks, len(opens)]
    return Spans.of((opens[a], opens[b - 1] + length_ms) for a, b in pairwise(edges))


def _without(run: Run, others: tuple[Run, ...]) -> Iterator[Run]:
    start, end = run
    for a, b in others:
        if b <= start or a >= end:
            continue
        if a > start:
            yield start, a
        start = max(start, b)
        if start >= end:
            return
    if start < end:
        yield start, end
