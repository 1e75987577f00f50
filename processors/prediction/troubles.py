"""Reports what has gone wrong with models of others, and takes those out that were put aside."""

from typing import Protocol, cast

from processors.models.protocol import Notice
from processors.prediction.outcome import notice_of
from processors.prediction.state import SymbolState
from schemas.predictions import ModelEvent, ModelVersion


class MayFail(Protocol):
    """What a model of others has beside the interface of all models."""

    @property
    def given_up(self) -> str:
        """Why it was put aside; empty while it takes part."""
        ...

    def troubles(self) -> list[Notice]:
        """Return what has gone wrong since the last call."""
        ...


def report_troubles(state: SymbolState) -> tuple[ModelVersion, ...]:
    """Return an event for each trouble since the last call."""
    events = []
    for contestant in [c for c in state.contestants if c.is_extra]:
        model = cast("MayFail", contestant.model)
        troubles = model.troubles()
        if model.given_up and not troubles:  # by what went wrong with another symbol
            troubles = [Notice(ModelEvent.FAILED, f"{model.given_up}: put aside")]
        events += [notice_of(state, contestant, notice) for notice in troubles]
        if model.given_up:
            state.contestants = [c for c in state.contestants if c is not contestant]
            state.unseat(contestant.model.name)
    return tuple(events)
