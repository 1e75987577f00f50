"""Replay the candles of one or more symbols and say what the predictions were worth."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from processors.digest import combined
from processors.prediction_state import start_state
from processors.replay import Replay, tick_of
from processors.skill import Skill
from schemas.errors import ConfigurationError
from schemas.market import Candle
from schemas.predictions import ModelVersion
from schemas.timeframe import parse_interval

DAY_MS = 86_400_000
REPORTED_SHARE = 1 / 3  # in whole days; the first two thirds warm up and choose


@dataclass(frozen=True, slots=True)
class SymbolResult:
    """One symbol's outcome.

    Attributes:
        reported_from_ms: Candles that opened before it are not in ``skills``.
        digest: SHA-256 of all predictions, those before it included.
    """

    symbol: str
    interval: str
    from_ms: int
    reported_from_ms: int
    until_ms: int
    predictions: int
    champion: str
    skills: list[Skill]
    events: list[ModelVersion]
    digest: str


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The outcome of all symbols, and one digest of their predictions."""

    symbols: list[SymbolResult]
    digest: str


def evaluate(candles: Mapping[str, Sequence[Candle]], report_days: float | None) -> Evaluation:
    """Replay each symbol; the last days are reported, a third of them unless told.

    Raises:
        ConfigurationError: There are too few candles to report on.
    """
    results = [_replayed(symbol, found, report_days) for symbol, found in candles.items()]
    return Evaluation(results, combined({r.symbol: r.digest for r in results}))


def _replayed(symbol: str, candles: Sequence[Candle], report_days: float | None) -> SymbolResult:
    first, last = candles[0], candles[-1]
    span_ms = last.close_ms - first.open_ms
    whole_days = int(span_ms * REPORTED_SHARE) // DAY_MS
    reported_ms = int((whole_days or REPORTED_SHARE) * DAY_MS)
    if report_days is not None:
        reported_ms = int(report_days * DAY_MS)
    interval = parse_interval(first.interval)
    state = start_state(symbol, tick_e8=tick_of(candles), interval=interval)
    replay = Replay(state, max(last.close_ms - reported_ms, first.open_ms))
    replay.feed(candles)
    skills = replay.scoreboard.skills()
    if not skills:
        raise ConfigurationError(
            f"{symbol}: {len(candles)} candles are too few to score anything: give a day or more"
        )
    return SymbolResult(
        symbol=symbol,
        interval=first.interval,
        from_ms=first.open_ms,
        reported_from_ms=replay.report_from_ms,
        until_ms=last.close_ms,
        predictions=replay.digest.count,
        champion=replay.state.championship.champion,
        skills=skills,
        events=replay.events,
        digest=replay.digest.hex(),
    )
