"""Applies model changes to a symbol's state, live and in a replay."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from clients.watching.log import EventLog
from processors.models.artefact import UnusableArtefact
from processors.models.blend import Blend
from processors.models.protocol import Model
from processors.models.reference import Reference
from processors.prediction.calibrated_models import installed, retired
from processors.prediction.issue import answer_questions
from processors.prediction.state import SymbolState
from processors.versions.schedule import ModelChange, ModelSchedule
from schemas.predictions import ModelEvent, ModelVersion

_log = EventLog(__name__)
Loader = Callable[[ModelChange], Model]


def _no_models(change: ModelChange) -> Model:
    raise UnusableArtefact(f"{change.model} {change.version} cannot be loaded here")


@dataclass(frozen=True, slots=True)
class Installer:
    """Applies changes; ``load`` loads the trained models."""

    changes: ModelSchedule = field(default_factory=ModelSchedule)
    load: Loader = _no_models

    def install(
        self, state: SymbolState, changes: Iterable[ModelChange]
    ) -> tuple[ModelVersion, ...]:
        """Apply changes; call it before the step on the candle that ends when they take effect.

        Returns:
            An event for each model that cannot be loaded; the previous models keep answering.
        """
        answer_questions(state)  # those that wait, by the models of before
        return tuple(
            failure for change in changes if (failure := _installed(state, change, self.load))
        )

    def can_load(self, change: ModelChange) -> bool:
        """Return whether the model of a trained version can be loaded."""
        try:
            self.load(change)
        except UnusableArtefact:
            return False
        return True


def _installed(state: SymbolState, change: ModelChange, load: Loader) -> ModelVersion | None:
    try:
        if change.event == ModelEvent.TRAINED:
            state.contestants = installed(state.contestants, load(change))
            if not state.may_blend:
                state.contestants = retired(state.contestants, Blend.name)
        elif change.event == ModelEvent.PROMOTED:
            _promote(state, change)
        else:
            _retire(state, change)
    except UnusableArtefact as error:
        _log.error(
            "model_not_installed",
            "{symbol}: goes on without {model} {version}: {error}",
            symbol=state.symbol,
            model=change.model,
            version=change.version,
            error=error,
        )
        return _failure(state.symbol, change, str(error))
    return None


def _promote(state: SymbolState, change: ModelChange) -> None:
    if change.model in {c.model.name for c in state.contestants if c.has_interval}:
        state.championship.crown(change.model)
    else:
        _log.warning(
            "model_not_promoted",
            "{symbol}: {model} is not in use, so it is not promoted",
            symbol=state.symbol,
            model=change.model,
        )


def _retire(state: SymbolState, change: ModelChange) -> None:
    versions = {c.model.name: c.model.version for c in state.contestants}
    meant = change.version in ("", versions.get(change.model))
    if change.model == Blend.name and meant:
        state.may_blend = False  # nobody trains it, and the next model would bring it back
    if change.model == Reference.name or change.model not in versions or not meant:
        return
    state.contestants = retired(state.contestants, change.model)
    for gone in versions.keys() - {c.model.name for c in state.contestants}:
        state.unseat(gone)


def _failure(symbol: str, change: ModelChange, reason: str) -> ModelVersion:
    return ModelVersion(
        model=change.model,
        version=change.version,
        symbol=symbol,
        event=ModelEvent.FAILED.value,
        event_ms=change.effective_ms,
        reason=reason,
        details="{}",
    )
