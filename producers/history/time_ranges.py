"""Sets of time as half-open runs of milliseconds. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

Run = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Spans:
    """Half-open runs ``(start_ms, end_ms)``, ascending, apart from each other."""

    runs: tuple[Run, ...] = ()

    @classmethod
    def of(cls, runs: Iterable[Run]) -> "Spans":
        """Return the union of runs, given in any order; empty ones count for nothing."""
        joined: list[Run] = []
        for start, end in sorted(run for run in runs if run[0] < run[1]):
            if joined and start <= joined[-1][1]:
                joined[-1] = (joined[-1][0], max(joined[-1][1], end))
            else:
                joined.append((start, end))
        return cls(tuple(joined))

    @classmethod
    def unflattened(cls, edges: Iterable[int]) -> "Spans":
        """Return the runs of ``start, end, start, end, ...``."""
        flat = tuple(edges)
        return cls.of(zip(flat[::2], flat[1::2], strict=True))

    def flat(self) -> tuple[int, ...]:
        """Return ``start, end, start, end, ...``."""
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
        """Return the part between two moments."""
        return Spans.of((max(a, start_ms), min(b, end_ms)) for a, b in self.runs)

    def with_run(self, start_ms: int, end_ms: int) -> "Spans":
        """Return these and one more run; cheap where it continues the last one."""
        if self.runs and self.runs[-1][1] == start_ms < end_ms:
            return Spans((*self.runs[:-1], (self.runs[-1][0], end_ms)))
        return Spans.of((*self.runs, (start_ms, end_ms)))

    @property
    def total_ms(self) -> int:
        """Return the sum of the runs' lengths."""
        return sum(end - start for start, end in self.runs)

    @property
    def end_ms(self) -> int | None:
        """Return the end of the last run."""
        return self.runs[-1][1] if self.runs else None


def runs_of(opens_ms: Iterable[int], length_ms: int) -> Spans:
    """Return the time that candles of one length cover, given their ascending opening times."""
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
