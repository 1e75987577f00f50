"""Selection of the candles and models to evaluate."""

from collections.abc import Sequence
from pathlib import Path

from candlewick.offline.evaluation.kline_files import read_candles
from processors.training.request import CHOICE, MODELS
from schemas.errors import ConfigurationError
from schemas.market import Candle


def selected(
    files: Sequence[Path], symbol: str | None, from_ms: int | None, until_ms: int | None
) -> dict[str, list[Candle]]:
    """Return each symbol's candles that open in ``[from_ms, until_ms)``.

    Raises:
        ConfigurationError: A file cannot be read, or a symbol has no candles in that period.
    """
    found = {
        name: [c for c in candles if _is_within(c.open_ms, from_ms, until_ms)]
        for name, candles in read_candles(files, symbol).items()
    }
    empty = [name for name, candles in found.items() if not candles]
    if empty:
        raise ConfigurationError(f"no candles of {', '.join(empty)} between --from and --to")
    return found


def models_of(names: Sequence[str]) -> list[str]:
    """Return the models to train; the reference and the online model always take part.

    Raises:
        ConfigurationError: A model is unknown.
    """
    unknown = set(names) - {*MODELS, "online", "reference"}
    if unknown:
        raise ConfigurationError(
            f"unknown model {', '.join(sorted(unknown))}: use online, {CHOICE}"
        )
    return [name for name in MODELS if name in names]


def _is_within(open_ms: int, from_ms: int | None, until_ms: int | None) -> bool:
    return (from_ms is None or open_ms >= from_ms) and (until_ms is None or open_ms < until_ms)
