"""The monthly training in a replay, on the last 90 days before it, as live."""

from collections.abc import Mapping, Sequence

import orjson

from candlewick.offline.evaluation.past import Past
from processors.models.artefact import Metadata, UnusableArtefact
from processors.models.protocol import Model
from processors.training.batch import Training
from processors.training.dataset import Table, joined
from processors.training.recipes import trained
from processors.training.request import USUAL_DAYS
from schemas.predictions import ModelEvent, ModelVersion
from schemas.timeframe import DAY_MS, Interval

Trained = tuple[Model | None, ModelVersion]


class Lessons:
    """The lessons of all symbols for one model; those of more than 90 days ago are dropped."""

    def __init__(self, model: str, pasts: Mapping[str, Past]) -> None:
        self._model = model
        self._pasts = pasts
        self._tables: dict[str, list[Table]] = {symbol: [] for symbol in pasts}

    def add(self, symbol: str, table: Table) -> None:
        """Add the lessons of one symbol's last candles."""
        self._tables[symbol].append(table)

    def train(self, until_ms: int) -> dict[str, Trained]:
        """Train a model for each interval; return it and an event for each symbol.

        With too little data there is no model, and the event says so.
        """
        self._drop(until_ms - USUAL_DAYS * DAY_MS)
        found: dict[str, Trained] = {}
        for interval in sorted({past.interval for past in self._pasts.values()}, key=_length):
            symbols = [s for s, past in self._pasts.items() if past.interval == interval]
            found |= dict.fromkeys(symbols, self._trained(symbols, until_ms))
        return {symbol: found[symbol] for symbol in self._pasts}

    def _trained(self, symbols: Sequence[str], until_ms: int) -> Trained:
        table = joined(table for symbol in symbols for table in self._tables[symbol])
        try:
            model, _ = trained(Training(self._model, tuple(symbols), 0, until_ms), table)
        except UnusableArtefact as error:
            failed = ModelEvent.FAILED
            return None, ModelVersion(self._model, "", "", failed, until_ms, str(error), "{}")
        return model, _event(model.metadata, until_ms)

    def _drop(self, before_ms: int) -> None:
        for symbol, tables in self._tables.items():
            kept = [table.where(table.open_ms >= before_ms) for table in tables]
            self._tables[symbol] = [table for table in kept if len(table)] or kept[-1:]


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
