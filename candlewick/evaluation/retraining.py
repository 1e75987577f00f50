"""The monthly training, inside a replay: on what had been seen by then, and installed at once."""

from collections.abc import Mapping

import orjson

from processors.contestants import installed
from processors.lessons import Lessons, joined
from processors.models.artefact import UnusableArtefact
from processors.models.batch import Batch
from processors.models.training import Training, train
from processors.replay import Replay
from schemas.predictions import ModelEvent, ModelVersion


def retrain(model: str, until_ms: int, runs: Mapping[str, tuple[Replay, Lessons]]) -> None:
    """Train a model for each interval on what its symbols taught, and let it answer from now on.

    With too little to train on, nothing changes and the replay's events say so.
    """
    for minutes in sorted({replay.state.bar_minutes for replay, _ in runs.values()}):
        group = {s: run for s, run in runs.items() if run[0].state.bar_minutes == minutes}
        table = joined(lessons.table() for _, lessons in group.values())
        try:
            trained, _ = train(Training(model, tuple(group), 0, until_ms), table)
        except UnusableArtefact as error:
            event = ModelVersion(model, "", "", ModelEvent.FAILED, until_ms, str(error), "{}")
        else:
            _install(trained, group)
            event = _trained(trained, until_ms)
        for replay, _ in group.values():
            replay.events.append(event)


def _install(trained: Batch, group: Mapping[str, tuple[Replay, Lessons]]) -> None:
    for replay, _ in group.values():
        replay.state.contestants = installed(replay.state.contestants, trained)


def _trained(trained: Batch, until_ms: int) -> ModelVersion:
    found = trained.metadata
    return ModelVersion(
        model=found.model,
        version=found.version,
        symbol="",
        event=ModelEvent.TRAINED.value,
        event_ms=until_ms,
        reason=f"{found.rounds} rounds on {found.rows} questions of {', '.join(found.symbols)}",
        details=orjson.dumps(found.holdout).decode(),
    )
