"""What a slope has shown: points, the lines through them, and the file that keeps them."""

import json
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from bench.end_to_end.processes import machine

KEPT = Path(__file__).with_name("measured.json")


@dataclass(frozen=True, slots=True)
class Point:
    """One place on a slope.

    Attributes:
        at: How much there was of what grows.
        cores: Processors in use, by process.
        memory_mb: Memory at the end, by process.
        delays_ms: The 50th, 95th and 99th percentile of each delay.
        figures: What else was seen.
    """

    at: float
    cores: dict[str, float] = field(default_factory=dict)
    memory_mb: dict[str, float] = field(default_factory=dict)
    delays_ms: dict[str, list[float]] = field(default_factory=dict)
    figures: dict[str, float] = field(default_factory=dict)
    is_held: bool = True

    @property
    def sum(self) -> float:
        """Processors of all but the exchange and the bench's own clients."""
        return sum(used for name, used in self.cores.items() if name not in {"exchange", "clients"})


def cores_of(part: str) -> Callable[[Point], float]:
    return lambda point: point.cores[part]


def memory_of(part: str) -> Callable[[Point], float]:
    return lambda point: point.memory_mb[part]


def sum_of(point: Point) -> float:
    return point.sum


@dataclass(frozen=True, slots=True)
class Run:
    """All points of a slope, from one run.

    Attributes:
        sizes: Bytes on disk, by what they are a piece of.
    """

    slope: str
    command: str
    points: list[Point] = field(default_factory=list)
    sizes: dict[str, float] = field(default_factory=dict)
    date: str = field(default_factory=lambda: time.strftime("%Y-%m-%d"))
    machine: str = field(default_factory=machine)

    @property
    def held(self) -> list[Point]:
        return [point for point in self.points if point.is_held]

    def line(self, value: Callable[[Point], float]) -> tuple[float, float]:
        """Return what is there without any, and what each one more adds, by least squares."""
        xs = [point.at for point in self.held]
        line = statistics.linear_regression(xs, [value(point) for point in self.held])
        return line.intercept, line.slope

    def fit(self, value: Callable[[Point], float]) -> float:
        """Return the share of the variance that the line explains."""
        values = [value(point) for point in self.held]
        if len({*values}) < 2:
            return 1.0
        return statistics.correlation([point.at for point in self.held], values) ** 2


def say(point: Point) -> Point:
    """Print a point while others are still to come."""
    cores = ", ".join(f"{name} {used:.2f}" for name, used in point.cores.items())
    delays = ", ".join(
        f"{name} {ms[0]:.0f} / {ms[-1]:.0f} ms" for name, ms in point.delays_ms.items()
    )
    figures = ", ".join(f"{name} {value:,.6g}" for name, value in point.figures.items())
    print(f"{point.at:,.0f}: {cores}; {delays}; {figures}", flush=True)
    return point


def read(path: Path = KEPT) -> dict[str, Run]:
    """Return the runs of a file by slope; none if there is no file."""
    if not path.exists():
        return {}
    runs = json.loads(path.read_text(encoding="utf-8")).items()
    return {
        name: Run(**run | {"points": [Point(**point) for point in run["points"]]})
        for name, run in runs
    }


def keep(run: Run, path: Path) -> None:
    """Put a run into the file, in place of the one before."""
    runs = {name: asdict(one) for name, one in (read(path) | {run.slope: run}).items()}
    path.write_text(json.dumps(_rounded(runs), indent=1) + "\n", encoding="utf-8")


def _rounded(value: object) -> object:
    """Four digits after the point say more than a machine repeats."""
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, dict):
        return {name: _rounded(each) for name, each in value.items()}
    return [_rounded(each) for each in value] if isinstance(value, list) else value
