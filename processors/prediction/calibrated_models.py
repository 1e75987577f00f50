"""The models that answer for a symbol, each with the calibrator of its interval."""

from dataclasses import dataclass, replace

from processors.models.blend import Blend
from processors.models.online import Online
from processors.models.point import Evidence
from processors.models.protocol import Model, ReadsDetail, ReadsRecent
from processors.models.reference import Reference
from processors.prediction.chance import ChanceCalibrator
from processors.prediction.intervals import (
    Borrowed,
    Calibrator,
    RollingQuantiles,
    TrackedQuantiles,
)


@dataclass(slots=True)
class Contestant:
    """A model and its calibrator. A newer version of the model may replace it.

    Attributes:
        blended: Whether a blend reads the model's answers.
        chance: Corrects the chance that the candle closes up; None for the reference, which stays
            naive.
        evidence: Shrinks the point to its proven share; None for a model that does so itself.
        reads_recent: Whether the model also reads the last candles.
        reads_detail: Whether it also reads the detail (`features.detail`).
        has_interval: Whether the interval is the model's own; if not, it cannot be its champion.
        is_extra: Whether the model is one of others (`processors.extra`): it may fail, so no other
            model reads its answers.
    """

    model: Model
    calibrator: Calibrator
    chance: ChanceCalibrator | None
    blended: bool = False
    evidence: Evidence | None = None
    reads_recent: bool = False
    reads_detail: bool = False
    has_interval: bool = True
    is_extra: bool = False


def reference() -> Contestant:
    """Return the reference with its calibrator."""
    return Contestant(Reference(), RollingQuantiles(), None)


def contestant(model: Model) -> Contestant:
    """Return a model whose interval is calibrated on its published predictions."""
    return Contestant(model, TrackedQuantiles(), ChanceCalibrator())


def installed(contestants: list[Contestant], model: Model) -> list[Contestant]:
    """Return the contestants with a trained model added, or in place of its older version.

    The new version keeps the old one's calibrator, and a blend of more models that of the old
    blend. A new model also starts a blend of all models.
    """
    names = [c.model.name for c in contestants]
    if model.name in names:
        reads = _reads_detail(model)
        return [
            replace(c, model=model, reads_detail=reads) if c.model.name == model.name else c
            for c in contestants
        ]
    members = [c for c in contestants if c.model.name != Blend.name] + [_doubted(model)]
    for member in members:
        member.blended = member.model.name != Reference.name and not member.is_extra
    names = [member.model.name for member in members if member.blended]
    return [*members, _blend_of(names, contestants)]


def retired(contestants: list[Contestant], name: str) -> list[Contestant]:
    """Return the contestants without a model, and without the blend if fewer than two are left."""
    if any(c.is_extra for c in contestants if c.model.name == name):
        return [c for c in contestants if c.model.name != name]  # no blend reads it
    left = [c for c in contestants if c.model.name not in (name, Blend.name)]
    members = [c.model.name for c in left if c.blended]
    if name != Blend.name and len(members) > 1:
        return [*left, _blend_of(members, contestants)]
    return [replace(c, blended=False) for c in left]


def _blend_of(names: list[str], before: list[Contestant]) -> Contestant:
    """Return a blend of models; it goes on with what the one of before has proven."""
    blend = Blend(tuple(names))
    known = [c for c in before if c.model.name == Blend.name]
    return replace(known[0], model=blend) if known else _doubted(blend)


def _doubted(model: Model) -> Contestant:
    reads_recent = isinstance(model, ReadsRecent)
    made = replace(contestant(model), reads_detail=_reads_detail(model))
    return replace(made, evidence=Evidence(), reads_recent=reads_recent)


def _reads_detail(model: Model) -> bool:
    return isinstance(model, ReadsDetail) and model.reads_detail


def guest(model: Model) -> Contestant:
    """Return a model of others that predicts an interval; its point has to prove itself."""
    return replace(_doubted(model), is_extra=True)


def guest_of_chance(model: Model, reference: Contestant) -> Contestant:
    """Return a model of others that predicts a chance only; its interval is the reference's."""
    borrowed = Borrowed(reference.calibrator)
    return Contestant(model, borrowed, ChanceCalibrator(), has_interval=False, is_extra=True)


def default_contestants() -> list[Contestant]:
    """Return the models that need no training: the reference and the online model."""
    return [reference(), contestant(Online())]
