"""What became of each question, kept for training: written by the very step that predicts."""

from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from processors.models.batch import INPUTS, row_of
from processors.models.protocol import Outcome
from processors.models.scale import recent_log_variance, scale_of
from processors.prediction_state import Asked, start_state
from processors.prequential import step
from schemas.market import Candle
from schemas.timeframe import Interval

Floats = NDArray[np.float64]


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


@dataclass(slots=True)
class Lessons:
    """Collects the lessons of one symbol, as the step hands them out."""

    _values: "array[float]" = field(default_factory=lambda: array("d"))
    _open_ms: "array[int]" = field(default_factory=lambda: array("q"))

    def add(self, asked: Asked, outcome: Outcome) -> None:
        """Take one question; without a realised variance there is no lesson."""
        if outcome.log_variance is None:
            return
        usual = recent_log_variance(asked.x)
        self._values.extend(row_of(asked.x, asked.minutes))
        self._values.append(outcome.log_variance - usual)
        self._values.append(outcome.log_return / scale_of(usual, asked.minutes))
        self._open_ms.append(asked.close_ms - Interval.FIFTEEN_MINUTES.ms)

    def table(self) -> Table:
        """Return what was collected so far."""
        rows = np.array(self._values).reshape(-1, len(INPUTS) + 2)
        return Table(rows[:, :-2], rows[:, -2], rows[:, -1], np.array(self._open_ms, np.int64))


def lessons_of(candles: Iterable[Candle], interval: Interval) -> Lessons:
    """Return the lessons of stored candles of one symbol, without asking any model."""
    lessons = Lessons()
    state = start_state("", tick_e8=1, interval=interval, contestants=[])
    state.on_lesson = lessons.add
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
