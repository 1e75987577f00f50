"""From when on which trained model answers: read from model events, the same for every worker."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass

import orjson

from schemas.predictions import ModelEvent, ModelVersion
from schemas.timeframe import Interval

log = logging.getLogger(__name__)
LEAD_MS = 120_000  # the store may be a minute behind the market
_QUARTER_MS = Interval.FIFTEEN_MINUTES.ms
_RANKS = {ModelEvent.TRAINED: 0, ModelEvent.PROMOTED: 1, ModelEvent.RETIRED: 2}


@dataclass(frozen=True, slots=True, order=True)
class Change:
    """A change of the models that answer; it takes effect in the order of these attributes.

    Attributes:
        effective_ms: Event time of the first question that it concerns.
        rank: Of the event, where several take effect at once.
        symbols: Whose; empty for all.
        folder: Where the artefact is, below the data folder; empty unless trained.
        sha256: Of the artefact's metadata.
    """

    effective_ms: int
    rank: int
    model: str
    version: str
    event: str
    symbols: tuple[str, ...]
    folder: str = ""
    sha256: str = ""


class Changes:
    """All changes that are known of."""

    def __init__(self) -> None:
        self._changes: set[Change] = set()

    def add(self, event: ModelVersion) -> None:
        """Take an event; one that changes nothing, or is already known, is passed over."""
        change = change_of(event)
        if change is not None:
            self._changes.add(change)

    def has_trained(self, model: str) -> bool:
        """Say whether there has been a version of a model."""
        trained = ModelEvent.TRAINED
        return any(c.model == model and c.event == trained for c in self._changes)

    def of(self, symbol: str) -> tuple[Change, ...]:
        """Return the changes that concern a symbol, in order."""
        return tuple(sorted(c for c in self._changes if not c.symbols or symbol in c.symbols))


def effective_after(market_ms: int) -> int:
    """Return the quarter of an hour at which a change that is decided now takes effect.

    Args:
        market_ms: Event time of the newest stored candle's end. Not the clock of this machine:
            a replayed market has a time of its own.
    """
    return -(-(market_ms + LEAD_MS) // _QUARTER_MS) * _QUARTER_MS


def needed_from(changes: Iterable[Change], anchor_ms: int) -> list[Change]:
    """Leave out what a replay from ``anchor_ms`` on need not do.

    That is versions that were replaced before, and promotions before: the replay looks for
    evidence of its own.
    """
    kept: list[Change] = []
    replaced: set[str] = set()
    for change in sorted(changes, reverse=True):
        trained = change.event == ModelEvent.TRAINED
        old = change.effective_ms <= anchor_ms
        if old and (change.event == ModelEvent.PROMOTED or (trained and change.model in replaced)):
            continue
        if old and trained:
            replaced.add(change.model)
        kept.append(change)
    return kept[::-1]


def change_of(event: ModelVersion) -> Change | None:
    """Return what an event changes; None for one that only tells what happened.

    A model's own promotions and drifts come out of each worker's candles, so they have no
    ``effective_ms`` among their details.
    """
    if event.event not in _RANKS:
        return None
    try:
        details = orjson.loads(event.details)
        if not isinstance(details, dict) or "effective_ms" not in details:
            return None
        return Change(
            effective_ms=int(details["effective_ms"]),
            rank=_RANKS[ModelEvent(event.event)],
            model=event.model,
            version=event.version,
            event=event.event,
            symbols=_symbols(event, details.get("symbols")),
            folder=str(details.get("folder", "")),
            sha256=str(details.get("metadata_sha256", "")),
        )
    except (ValueError, TypeError):
        log.warning("passed over an event of %s %s: unreadable details", event.model, event.version)
        return None


def _symbols(event: ModelVersion, listed: object) -> tuple[str, ...]:
    if isinstance(listed, list):
        return tuple(sorted(map(str, listed)))
    return (event.symbol,) if event.symbol else ()
