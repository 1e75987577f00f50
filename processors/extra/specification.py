"""What an extra model is: its name, where its factory is, what it predicts, and its limits."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from schemas.settings import ModelSettings


class Target(StrEnum):
    """What a model learns and answers."""

    VARIANCE = "variance"  # log of the variance until the close over that of the last hour
    RETURN = "return"  # return until the close, in usual moves
    UP = "up"  # whether the candle closes at or above its open


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of a model's process.

    Attributes:
        answer_s: Time for one answer, in seconds; learning the candle before it is included.
        memory_mb: Memory of the process with its models of all symbols, in 10^6 bytes.
    """

    answer_s: float = 1.0
    memory_mb: int = 1024


@dataclass(frozen=True, slots=True)
class Specification:
    """One extra model.

    Attributes:
        place: Where its factory is: ``package.module:factory``.
        target: What a regressor predicts. A classifier always predicts whether the candle closes
            up.
    """

    name: str
    place: str
    target: Target = Target.VARIANCE
    limits: Limits = Limits()


def specification(name: str, text: str, limits: Limits | None = None) -> Specification:
    """Return the specification of ``package.module:factory`` or ``…:factory@return``."""
    place, _, target = text.partition("@")
    return Specification(name, place, Target(target or Target.VARIANCE), limits or Limits())


def specifications(settings: ModelSettings) -> tuple[Specification, ...]:
    """Return the extra models of the settings."""
    limits = Limits(settings.extra_answer_s, settings.extra_memory_mb)
    return of_texts(settings.extra, limits)


def of_texts(texts: Mapping[str, str], limits: Limits | None = None) -> tuple[Specification, ...]:
    """Return the specifications of texts by the models' names."""
    return tuple(specification(name, text, limits) for name, text in texts.items())
