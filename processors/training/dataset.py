"""The training data: questions and outcomes, collected by the same step that predicts live."""

from array import array
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from processors.features.features import Features
from processors.models.batch import INPUTS, row_of
from processors.models.protocol import Outcome
from processors.models.scale import recent_log_variance, scale_of
from processors.prediction.prequential import step
from processors.prediction.reply import CANDLE_MS
from processors.prediction.state import Asked, start_state
from schemas.market import Candle
from schemas.timeframe import DAY_MS, Interval

Floats = NDArray[np.float64]


class Rows(Protocol):
    """Training data that need not be in memory as a whole."""

    @property
    def open_ms(self) -> NDArray[np.int64]:
        """Opening time of the candle that each row asks about."""
        ...

    def where(self, chosen: NDArray[np.bool_]) -> "Table":
        """Return the rows chosen by a mask."""
        ...


@dataclass(frozen=True, slots=True)
class Table:
    """Training data as columns of equal length n, ordered by time within each symbol.

    Attributes:
        inputs: Inputs of the model, float64[n, inputs].
        excess: Log variance until the close against that of the last hour.
        moved: Return to the close in units of the usual move.
        open_ms: Opening time of the candle that was asked about.
    """

    inputs: Floats
    excess: Floats
    moved: Floats
    open_ms: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.excess)

    def where(self, chosen: NDArray[np.bool_]) -> "Table":
        """Return a copy of the rows chosen by a mask."""
        return Table(
            self.inputs[chosen], self.excess[chosen], self.moved[chosen], self.open_ms[chosen]
        )


@dataclass(frozen=True, slots=True)
class Wanted:
    """The inputs and questions that a model is trained on.

    Attributes:
        row: Returns the inputs, given the features and the minutes left.
        width: Number of inputs per question.
        every: Only questions whose minutes left are a multiple of this are used.
        turn: Only one question in so many is used, in turn: from one candle to the next, and from
            one day to the next, it is another minute.
        recent: Whether the features must include the last candles.
        detail: Whether they must include the detail.
    """

    row: Callable[[Features, int], list[float]] = row_of
    width: int = len(INPUTS)
    every: int = 1
    turn: int = 1
    recent: bool = False
    detail: bool = True


@dataclass(slots=True)
class TrainingSet:
    """Collects the lessons of one symbol from the step.

    Attributes:
        wanted: The inputs and questions to collect.
        stride: Only every ``stride``-th candle is used; it must be coprime to 96, the candles of a
            day, so that all times of day occur.
    """

    wanted: Wanted = field(default_factory=Wanted)
    stride: int = 1
    _values: "array[float]" = field(default_factory=lambda: array("d"))
    _open_ms: "array[int]" = field(default_factory=lambda: array("q"))

    def add(self, asked: Asked, outcome: Outcome) -> None:
        """Add one question; it is skipped if its realised variance is unknown."""
        if outcome.log_variance is None:
            return
        open_ms, wanted = asked.close_ms - CANDLE_MS, self.wanted
        candle = open_ms // CANDLE_MS
        shift = candle + open_ms // DAY_MS
        if asked.minutes % wanted.every or candle % self.stride:
            return
        if (shift + asked.minutes) % wanted.turn:
            return
        usual = recent_log_variance(asked.x)
        moved = outcome.log_return / scale_of(usual, asked.minutes)
        row = wanted.row(asked.x, asked.minutes)
        self._values.fromlist([*row, outcome.log_variance - usual, moved])
        self._open_ms.append(open_ms)

    def table(self) -> Table:
        """Return the lessons collected so far."""
        rows = np.array(self._values).reshape(-1, self.wanted.width + 2)
        return Table(rows[:, :-2], rows[:, -2], rows[:, -1], np.array(self._open_ms, np.int64))

    def take(self) -> Table:
        """Return the lessons collected since the last call, and forget them."""
        table = self.table()
        self._values, self._open_ms = array("d"), array("q")
        return table


def lessons_of(
    candles: Iterable[Candle], interval: Interval, lessons: TrainingSet | None = None
) -> TrainingSet:
    """Return the lessons of one symbol's stored candles, without asking any model.

    Args:
        candles: Candles in order of time.
        interval: Length of the candles.
        lessons: Collector to use; by default one for a batch model.
    """
    lessons = lessons or TrainingSet()
    state = start_state("", interval=interval, contestants=[])
    state.on_lesson = lessons.add
    state.teaches_recent, state.teaches_detail = lessons.wanted.recent, lessons.wanted.detail
    for candle in candles:
        state = step(state, candle, at_once=False).state
    return lessons


def joined(tables: Iterable[Table]) -> Table:
    """Join the tables of several symbols into one."""
    found = list(tables)
    return Table(
        np.concatenate([t.inputs for t in found]),
        np.concatenate([t.excess for t in found]),
        np.concatenate([t.moved for t in found]),
        np.concatenate([t.open_ms for t in found]),
    )
