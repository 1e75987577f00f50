"""The monthly training in a replay, on the last days before it, as live."""

from collections.abc import Mapping, Sequence

import orjson

from candlewick.offline.evaluation.lesson_files import FiledTable, LessonFile
from candlewick.offline.evaluation.past import Past
from processors.models.artefact import Metadata, UnusableArtefact
from processors.models.protocol import Model
from processors.training.batch import Training
from processors.training.recipes import trained
from schemas.predictions import ModelEvent, ModelVersion
from schemas.timeframe import DAY_MS, Interval

Trained = tuple[Model | None, ModelVersion]


class Lessons:
    """The lessons of all symbols for one model."""

    def __init__(self, model: str, pasts: Mapping[str, Past], days: float) -> None:
        """Set how many days of lessons a training sees."""
        self._model = model
        self._pasts = pasts
        self._days = days
        self._files: dict[str, list[LessonFile]] = {symbol: [] for symbol in pasts}

    def add(self, symbol: str, file: LessonFile) -> None:
        """Add the lessons of one symbol since the last call."""
        self._files[symbol].append(file)

    def train(self, until_ms: int) -> dict[str, Trained]:
        """Train a model for each interval; return it and an event for each symbol.

        With too little data there is no model, and the event says so.
        """
        since_ms = int(until_ms - self._days * DAY_MS)
        self._drop(since_ms)
        found: dict[str, Trained] = {}
        for interval in sorted({past.interval for past in self._pasts.values()}, key=_length):
            symbols = [s for s, past in self._pasts.items() if past.interval == interval]
            found |= dict.fromkeys(symbols, self._trained(symbols, since_ms, until_ms))
        return {symbol: found[symbol] for symbol in self._pasts}

    def _trained(self, symbols: Sequence[str], since_ms: int, until_ms: int) -> Trained:
        files = [file for symbol in symbols for file in self._files[symbol]]
        table = FiledTable(files, since_ms)
        try:
            model, _ = trained(Training(self._model, tuple(symbols), 0, until_ms), table)
        except UnusableArtefact as error:
            failed = ModelEvent.FAILED
            return None, ModelVersion(self._model, "", "", failed, until_ms, str(error), "{}")
        return model, _event(model.metadata, until_ms)

    def _drop(self, before_ms: int) -> None:
        for symbol, files in self._files.items():
            self._files[symbol] = [file for file in files if file.until_ms > before_ms]
            for file in files:
                if file.until_ms <= before_ms:
                    file.path.unlink()


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
