"""Training data of an evaluation in files, because the trainings need the memory."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from processors.training.dataset import Table


@dataclass(frozen=True, slots=True)
class LessonFile:
    """The lessons of one symbol from one training to the next.

    Attributes:
        until_ms: The moment of the next training.
        width: Number of inputs per question.
    """

    path: Path
    until_ms: int
    width: int

    def write(self, table: Table) -> None:
        """Write the lessons."""
        with self.path.open("wb") as file:
            for column in (table.open_ms, table.inputs, table.excess, table.moved):
                np.save(file, column)

    def read(self) -> Table:
        """Read them again."""
        with self.path.open("rb") as file:
            open_ms, inputs, excess, moved = (np.load(file) for _ in range(4))
        return Table(inputs, excess, moved, open_ms)

    def open_ms(self) -> NDArray[np.int64]:
        """Read the times only."""
        with self.path.open("rb") as file:
            times: NDArray[np.int64] = np.load(file)
        return times


class FiledTable:
    """A table that lies in files; only the rows that are chosen are in memory.

    Attributes:
        open_ms: Opening time of the candle that each row asks about.
    """

    def __init__(self, files: Sequence[LessonFile], since_ms: int) -> None:
        """Take the rows about candles that opened since then, in the order of the files."""
        self._files = files
        times = np.concatenate([file.open_ms() for file in files])
        self._places = np.flatnonzero(times >= since_ms)
        self._count = len(times)
        self.open_ms = times[self._places]

    def where(self, chosen: NDArray[np.bool_]) -> Table:
        """Return the rows chosen by a mask."""
        mask = np.zeros(self._count, np.bool_)
        mask[self._places[chosen]] = True
        made = _empty(int(mask.sum()), self._files[0].width)
        first = row = 0
        for file in self._files:
            part = file.read()
            taken = part.where(mask[first : first + len(part)])
            first += len(part)
            rows = slice(row, row + len(taken))
            row = rows.stop
            made.inputs[rows], made.excess[rows] = taken.inputs, taken.excess
            made.moved[rows], made.open_ms[rows] = taken.moved, taken.open_ms
        return made


def _empty(rows: int, width: int) -> Table:
    inputs = np.empty((rows, width))
    return Table(inputs, np.empty(rows), np.empty(rows), np.empty(rows, np.int64))
