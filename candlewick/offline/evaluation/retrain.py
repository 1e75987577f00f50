"""The monthly training in a replay, on the candles before it; the model is installed at once."""

from collections.abc import Mapping

import orjson

from processors.models.artefact import Metadata, UnusableArtefact
from processors.models.protocol import Model
from processors.prediction.calibrated_models import installed
from processors.prediction.replay import Replay
from processors.training.batch import Training
from processors.training.dataset import TrainingSet, joined
from processors.training.recipes import trained
from schemas.predictions import ModelEvent, ModelVersion


def retrain(model: str, until_ms: int, runs: Mapping[str, tuple[Replay, TrainingSet]]) -> None:
    """Train a model for each interval on the lessons of its symbols, and install it.

    With too little data, nothing is installed and an event of the replay reports the failure.
    """
    for minutes in sorted({replay.state.bar_minutes for replay, _ in runs.values()}):
        group = {s: run for s, run in runs.items() if run[0].state.bar_minutes == minutes}
        table = joined(lessons.table() for _, lessons in group.values())
        try:
            found, _ = trained(Training(model, tuple(group), 0, until_ms), table)
        except UnusableArtefact as error:
            event = ModelVersion(model, "", "", ModelEvent.FAILED, until_ms, str(error), "{}")
        else:
            _install(found, group)
            event = _trained(found.metadata, until_ms)
        for replay, _ in group.values():
            replay.events.append(event)


def _install(model: Model, group: Mapping[str, tuple[Replay, TrainingSet]]) -> None:
    for replay, _ in group.values():
        replay.state.contestants = installed(replay.state.contestants, model)


def _trained(found: Metadata, until_ms: int) -> ModelVersion:
    return ModelVersion(
        model=found.model,
        version=found.version,
        symbol="",
        event=ModelEvent.TRAINED.value,
        event_ms=until_ms,
        reason=f"{found.rounds} rounds on {found.rows} questions of {', '.join(found.symbols)}",
        details=orjson.dumps(found.holdout).decode(),
    )
