"""Looks for trainings that are due, over a history that is said and not stored."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

from processors.models.artefact import UnusableArtefact
from processors.models.protocol import Model
from processors.training.due import DueTrainings, Stored
from processors.versions.installer import Installer
from processors.versions.schedule import ModelChange
from schemas.settings import Settings


@dataclass(slots=True)
class StoredHistory:
    """What the store is to say; ``shares`` are of the last eight days."""

    market_ms: int
    shares: dict[str, float] = field(default_factory=lambda: {"BTCUSDT": 1.0})
    young: tuple[str, ...] = ()
    minutes: int = 0


class Looking(DueTrainings):
    """Looks at a history without a store."""

    def __init__(
        self,
        installer: Installer,
        history: StoredHistory,
        is_idle: Callable[[], bool] = lambda: True,
    ) -> None:
        """Begin as a predictor does that has heard of all versions."""
        heard = asyncio.Event()
        heard.set()
        super().__init__(Settings(), installer, heard, is_idle, lambda: history.market_ms)
        self.history = history
        self.trouble: Exception | None = None

    def _stored(self) -> Stored:
        if self.trouble is not None:
            raise self.trouble
        known = self.history
        symbols = (*known.shares, *known.young)
        return Stored(known.market_ms, symbols, dict(known.shares), known.minutes)


def loading(*usable: str) -> Installer:
    """Return an installer that can load these versions and no others."""

    def load(change: ModelChange) -> Model:
        if change.version not in usable:
            raise UnusableArtefact(change.version)
        return cast("Model", None)

    return Installer(load=load)
