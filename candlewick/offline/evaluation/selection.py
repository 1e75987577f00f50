"""Selection of the candles and models to evaluate."""

from collections.abc import Sequence
from functools import partial

from candlewick.offline.evaluation.find_files import INTERVALS, Chosen
from candlewick.offline.evaluation.past import ALWAYS, Source, inspect
from processors.extra.specification import Specification, specifications
from processors.training.request import CHOICE, MODELS
from schemas.errors import ConfigurationError
from schemas.settings import model_settings
from schemas.timeframe import Interval, parse_interval


def selected(
    files: Sequence[Chosen], from_ms: int | None = None, until_ms: int | None = None
) -> dict[str, Source]:
    """Return for each symbol what reads its candles that open in ``[from_ms, until_ms)``."""
    span = from_ms or ALWAYS[0], ALWAYS[1] if until_ms is None else until_ms
    return {
        one.symbol: partial(inspect, one.symbol, one.paths, span, one.interval) for one in files
    }


def interval_of(name: str | None) -> Interval | None:
    """Return the interval with this name, None for no name.

    Raises:
        ConfigurationError: The models know no such interval.
    """
    return parse_interval(name, INTERVALS) if name else None


def models_of(names: Sequence[str]) -> list[str]:
    """Return the models to train; the reference and the online model always take part.

    Models of others, ``name=package.module:factory``, are left to `extra_models_of`.

    Raises:
        ConfigurationError: A model is unknown.
    """
    unknown = {name for name in names if "=" not in name} - {*MODELS, "online", "reference"}
    if unknown:
        raise ConfigurationError(
            f"unknown model {', '.join(sorted(unknown))}: use online, {CHOICE}, or your own: "
            "name=package.module:factory"
        )
    return [name for name in MODELS if name in names]


def extra_models_of(names: Sequence[str]) -> tuple[Specification, ...]:
    """Return the models of others among the names of models.

    Raises:
        ConfigurationError: One is not written as ``name=package.module:factory``.
    """
    return specifications(model_settings(",".join(name for name in names if "=" in name)))
