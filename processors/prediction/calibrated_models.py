"""Which models answer for a symbol, each with the calibrator of its interval."""

from dataclasses import dataclass, replace

from processors.models.blend import Blend
from processors.models.online import Online
from processors.models.point import Evidence
from processors.models.protocol import Model, ReadsRecent
from processors.models.reference import Reference
from processors.prediction.intervals import Calibrator, RollingQuantiles, TrackedQuantiles


@dataclass(slots=True)
class Contestant:
    """A model and what calibrates it. The model may be replaced by a newer version of itself.

    Attributes:
        blended: Whether there is a blend that wants to know its answers.
        evidence: Shrinks the point to what has held; None for a model that does so itself.
        reads_recent: Whether the model is given the last candles too.
    """

    model: Model
    calibrator: Calibrator
    blended: bool = False
    evidence: Evidence | None = None
    reads_recent: bool = False


def reference() -> Contestant:
    """Return the bar for all."""
    return Contestant(Reference(), RollingQuantiles())


def contestant(model: Model) -> Contestant:
    """Return a model whose interval is tracked on what is published."""
    return Contestant(model, TrackedQuantiles())


def installed(contestants: list[Contestant], model: Model) -> list[Contestant]:
    """Return the contestants with a trained model: in place of its older version, or new.

    What calibrates it stays. With a trained model there is something to blend.
    """
    names = [c.model.name for c in contestants]
    if model.name in names:
        return [replace(c, model=model) if c.model.name == model.name else c for c in contestants]
    members = [c for c in contestants if c.model.name != Blend.name] + [_doubted(model)]
    for member in members:
        member.blended = member.model.name != Reference.name
    names = [member.model.name for member in members if member.blended]
    return [*members, _doubted(Blend(tuple(names)))]


def retired(contestants: list[Contestant], name: str) -> list[Contestant]:
    """Return the contestants without a model, and without a blend of fewer than two."""
    left = [c for c in contestants if c.model.name not in (name, Blend.name)]
    members = [c.model.name for c in left if c.blended]
    if name != Blend.name and len(members) > 1:
        return [*left, _doubted(Blend(tuple(members)))]
    return [replace(c, blended=False) for c in left]


def _doubted(model: Model) -> Contestant:
    reads_recent = isinstance(model, ReadsRecent)
    return Contestant(model, TrackedQuantiles(), evidence=Evidence(), reads_recent=reads_recent)


def default_contestants() -> list[Contestant]:
    """Return those that need no training: the reference and the online model."""
    return [reference(), contestant(Online())]
