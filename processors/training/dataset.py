"""What became of each question, kept for training: written by the very step that predicts."""

from array import array
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from processors.features.features import Features
from processors.models.batch import INPUTS, row_of
from processors.models.protocol import Outcome
from processors.models.scale import recent_log_variance, scale_of
from processors.prediction.prequential import step
from processors.prediction.state import Asked, start_state
from schemas.market import Candle
from schemas.timeframe import Interval

Floats = NDArray[np.float64]
CANDLE_MS = Interval.FIFTEEN_MINUTES.ms


@dataclass(frozen=True, slots=True)
class Table:
    """Training data as columns of equal length n, ordered by time within each symbol.

    Attributes:
        inputs: float64[n, inputs].
        excess: Log variance of the rest against that of the last hour.
        moved: Return to the close in units of the usual move.
        open_ms: Of the candle that was asked about.
    """

    inputs: Floats
    excess: Floats
    moved: Floats
    open_ms: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.excess)

    def where(self, chosen: NDArray[np.bool_]) -> "Table":
        """Return some of the rows."""
        return Table(
            self.inputs[chosen], self.excess[chosen], self.moved[chosen], self.open_ms[chosen]
        )


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which numbers of which questions a model is trained on.

    Attributes:
        row: Makes them of the features and the minutes left.
        width: How many there are a question.
        every: Only questions with a multiple of so many minutes left.
        recent: Whether the last candles are wanted among the features.
    """

    row: Callable[[Features, int], list[float]] = row_of
    width: int = len(INPUTS)
    every: int = 1
    recent: bool = False


@dataclass(slots=True)
class Lessons:
    """Collects the lessons of one symbol, as the step hands them out.

    Attributes:
        wanted: Of each question.
        stride: Only every so many-th candle; no divisor of a day may hide in it.
    """

    wanted: Wanted = field(default_factory=Wanted)
    stride: int = 1
    _values: "array[float]" = field(default_factory=lambda: array("d"))
    _open_ms: "array[int]" = field(default_factory=lambda: array("q"))

    def add(self, asked: Asked, outcome: Outcome) -> None:
        """Take one question; without a realised variance there is no lesson."""
        open_ms = asked.close_ms - CANDLE_MS
        passed = asked.minutes % self.wanted.every or open_ms // CANDLE_MS % self.stride
        if outcome.log_variance is None or passed:
            return
        usual = recent_log_variance(asked.x)
        self._values.extend(self.wanted.row(asked.x, asked.minutes))
        self._values.append(outcome.log_variance - usual)
        self._values.append(outcome.log_return / scale_of(usual, asked.minutes))
        self._open_ms.append(open_ms)

    def table(self) -> Table:
        """Return what was collected so far."""
        rows = np.array(self._values).reshape(-1, self.wanted.width + 2)
        return Table(rows[:, :-2], rows[:, -2], rows[:, -1], np.array(self._open_ms, np.int64))


def lessons_of(
    candles: Iterable[Candle], interval: Interval, lessons: Lessons | None = None
) -> Lessons:
    """Return the lessons of stored candles of one symbol, without asking any model.

    Args:
        candles: In order of time.
        interval: Their length.
        lessons: What collects them; a batch model's, unless told.
    """
    lessons = lessons or Lessons()
    state = start_state("", tick_e8=1, interval=interval, contestants=[])
    state.on_lesson, state.teaches_recent = lessons.add, lessons.wanted.recent
    for candle in candles:
        state = step(state, candle).state
    return lessons


def joined(tables: Iterable[Table]) -> Table:
    """Return the rows of several symbols as one table."""
    found = list(tables)
    return Table(
        np.concatenate([t.inputs for t in found]),
        np.concatenate([t.excess for t in found]),
        np.concatenate([t.moved for t in found]),
        np.concatenate([t.open_ms for t in found]),
    )
