"""Whether a person may promote or retire a model: only where that does something."""

from dataclasses import dataclass
from typing import Final

from candlewick.store.models import Answering, ModelTables
from processors.training.request import MODELS
from schemas.errors import ConfigurationError
from schemas.timeframe import DAY_MS

KNOWN: Final = ("reference", "online", *MODELS, "blend")
_ALWAYS: Final = ("reference", "online")  # they need no training


@dataclass(frozen=True, slots=True)
class ModelUse:
    """The use of a model, by what is stored.

    Attributes:
        symbol: Symbol that is meant; empty for all.
        market_ms: End of the newest stored candle of it, in event time.
    """

    tables: ModelTables
    model: str
    symbol: str
    market_ms: int

    def promotable(self) -> str:
        """Return the version that a promotion names, empty for a model that is not trained.

        Raises:
            ConfigurationError: A promotion would do nothing.
        """
        answering, is_retired = self._answering(), self._is_retired()
        says_chance = bool(answering) and not any(a.has_interval for a in answering)
        if self.model not in KNOWN and says_chance and not is_retired:
            raise ConfigurationError(
                f"{self.model} predicts a chance only: the interval beside it is the reference's, "
                "so it cannot become champion of the interval"
            )
        trained = self.tables.trained(self.model, self.symbol)
        if not (answering or trained or self.model in _ALWAYS or is_retired):
            raise self._refusal()
        return trained.version if trained else ""

    def check_retirement(self, version: str) -> None:
        """Check that a retirement of a version, or of any if it is empty, would do something.

        Raises:
            ConfigurationError: It would do nothing.
        """
        versions = {a.version for a in self._answering()}
        trained, is_retired = self.tables.trained(self.model, self.symbol), self._is_retired()
        if trained is not None and not is_retired:
            versions.add(trained.version)  # also if it keeps the predictor from answering
        if version and versions and version not in versions:
            raise ConfigurationError(
                f"{self.model} {version} does not answer: choose {' or '.join(sorted(versions))}"
            )
        is_there = self.model in _ALWAYS and not is_retired
        if not versions and not is_there and not self._is_put_aside():
            raise self._refusal()

    def _answering(self) -> list[Answering]:
        # A day, because the predictor may be down.
        return self.tables.answering(self.model, self.symbol, self.market_ms - DAY_MS)

    def _is_retired(self) -> bool:
        newest = self.tables.decision(self.model, self.symbol)
        return newest is not None and newest.event == "retired"

    def _is_put_aside(self) -> bool:
        """Return whether it is a model of others that has failed; the next start brings it back."""
        return self.model not in KNOWN and bool(self.tables.events(self.model, limit=1))

    def _refusal(self) -> ConfigurationError:
        if self.model in MODELS:
            advice = f"`candlewick train --model {self.model}` trains it"
        elif self.model in KNOWN or self.tables.events(self.model, limit=1):
            advice = "`candlewick predictions --all-models` shows who does"
        else:
            known = ", ".join(KNOWN)
            return ConfigurationError(
                f"there is no model {self.model}: choose one of {known}, or one that "
                "CANDLEWICK_MODELS__EXTRA names where the predictor runs"
            )
        where = self.symbol or "any symbol"
        return ConfigurationError(f"{self.model} does not answer for {where}: {advice}")
