"""The extra models of the settings as contestants beside ours."""

from collections.abc import Iterable

from clients.watching.log import EventLog
from processors.extra.host import host_of
from processors.extra.model import ExtraModel
from processors.extra.process import Fault
from processors.extra.specification import Specification, Target
from processors.prediction.calibrated_models import (
    Contestant,
    default_contestants,
    guest,
    guest_of_chance,
)
from processors.prediction.state import SymbolState
from schemas.predictions import ModelEvent, ModelVersion

_log = EventLog(__name__)


def contestants_with(specifications: Iterable[Specification]) -> list[Contestant]:
    """Return our models and the extra ones, without those that cannot be started.

    Waits for their processes to start.
    """
    contestants = default_contestants()
    reference = contestants[0]
    for one in specifications:
        if not _starts(one):
            continue
        model = ExtraModel(one)
        of_chance = model.target is Target.UP
        contestants.append(guest_of_chance(model, reference) if of_chance else guest(model))
    return contestants


def absences(
    specifications: Iterable[Specification], state: SymbolState, at_ms: int
) -> tuple[ModelVersion, ...]:
    """Return an event for each model that could not be started or was put aside in a replay."""
    present = {contestant.model.name for contestant in state.contestants}
    return tuple(
        ModelVersion(
            model=one.name,
            version="1",
            symbol=state.symbol,
            event=ModelEvent.FAILED.value,
            event_ms=at_ms,
            reason=f"{host_of(one).given_up}: put aside",
            details="{}",
        )
        for one in specifications
        if one.name not in present and host_of(one).given_up  # else a user retired it
    )


def _starts(one: Specification) -> bool:
    try:
        return host_of(one).is_ready()
    except Fault as fault:
        _log.warning(
            "extra_model_failed",
            "{name} ({place}): {fault}",
            name=one.name,
            place=one.place,
            fault=fault,
        )
        return False
