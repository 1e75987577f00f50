"""Which models answer for a symbol, each with the calibrator of its interval."""

from dataclasses import dataclass

from processors.intervals import Calibrator, RollingQuantiles, TrackedQuantiles
from processors.models.online import Online
from processors.models.protocol import Model
from processors.models.reference import Reference


@dataclass(slots=True)
class Contestant:
    """A model and what calibrates it. The model may be replaced by a newer version of itself."""

    model: Model
    calibrator: Calibrator


def reference() -> Contestant:
    """Return the bar for all."""
    return Contestant(Reference(), RollingQuantiles())


def contestant(model: Model) -> Contestant:
    """Return a model whose interval is tracked on what is published."""
    return Contestant(model, TrackedQuantiles())


def default_contestants() -> list[Contestant]:
    """Return those that need no training: the reference and the online model."""
    return [reference(), contestant(Online())]
