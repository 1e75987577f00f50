"""The monthly training in a replay, on the last days before it, as live."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import orjson

from candlewick.offline.evaluation.past import Past
from processors.models.artefact import Metadata, UnusableArtefact
from processors.models.protocol import Model
from processors.training.batch import EMBARGO_MS, Training
from processors.training.dataset import Table, joined
from processors.training.recipes import trained
from schemas.predictions import ModelEvent, ModelVersion
from schemas.timeframe import DAY_MS, Interval

Trained = tuple[Model | None, ModelVersion]


class Lessons:
    """The lessons of all symbols for one model. They lie in files, as training needs the memory."""

    def __init__(self, model: str, pasts: Mapping[str, Past], folder: Path, days: float) -> None:
        """Set the folder for the files, and how many days of lessons a training sees."""
        self._folder = folder / model
        self._folder.mkdir()
        self._model = model
        self._pasts = pasts
        self._days = days
        self._kept: dict[str, list[_Kept]] = {symbol: [] for symbol in pasts}

    def add(self, symbol: str, table: Table, until_ms: int) -> None:
        """Add the lessons of one symbol since the last call; they end at ``until_ms``."""
        kept = _Kept(self._folder / f"{symbol}-{until_ms}.npy", until_ms)
        kept.write(table)
        self._kept[symbol].append(kept)

    def train(self, until_ms: int) -> dict[str, Trained]:
        """Train a model for each interval; return it and an event for each symbol.

        With too little data there is no model, and the event says so.
        """
        self._drop(_since(until_ms, self._days))
        found: dict[str, Trained] = {}
        for interval in sorted({past.interval for past in self._pasts.values()}, key=_length):
            symbols = [s for s, past in self._pasts.items() if past.interval == interval]
            found |= dict.fromkeys(symbols, self._trained(symbols, until_ms))
        return {symbol: found[symbol] for symbol in self._pasts}

    def _trained(self, symbols: Sequence[str], until_ms: int) -> Trained:
        span = _since(until_ms, self._days), until_ms - EMBARGO_MS
        table = joined(kept.between(*span) for symbol in symbols for kept in self._kept[symbol])
        try:
            model, _ = trained(Training(self._model, tuple(symbols), 0, until_ms), table)
        except UnusableArtefact as error:
            failed = ModelEvent.FAILED
            return None, ModelVersion(self._model, "", "", failed, until_ms, str(error), "{}")
        return model, _event(model.metadata, until_ms)

    def _drop(self, since_ms: int) -> None:
        for symbol, found in self._kept.items():
            self._kept[symbol] = [kept for kept in found if kept.until_ms > since_ms]
            for kept in found:
                if kept.until_ms <= since_ms:
                    kept.path.unlink()


@dataclass(frozen=True, slots=True)
class _Kept:
    """The lessons of one symbol until a moment, in a file."""

    path: Path
    until_ms: int

    def write(self, table: Table) -> None:
        with self.path.open("wb") as file:
            for column in (table.inputs, table.excess, table.moved, table.open_ms):
                np.save(file, column)

    def between(self, since_ms: int, before_ms: int) -> Table:
        """Return the lessons about candles opened in ``[since_ms, before_ms)``."""
        with self.path.open("rb") as file:
            table = Table(*(np.load(file) for _ in fields(Table)))
        return table.where((table.open_ms >= since_ms) & (table.open_ms < before_ms))


def _since(until_ms: int, days: float) -> int:
    return int(until_ms - days * DAY_MS)


def _length(interval: Interval) -> int:
    return interval.ms


def _event(found: Metadata, until_ms: int) -> ModelVersion:
    return ModelVersion(
        model=found.model,
        version=found.version,
        symbol="",
        event=ModelEvent.TRAINED.value,
        event_ms=until_ms,
        reason=f"{found.rounds} rounds on {found.rows} questions of {', '.join(found.symbols)}",
        details=orjson.dumps(found.holdout).decode(),
    )
