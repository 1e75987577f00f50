"""The schedule of model versions, read from model events and the same for every predictor."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import orjson

from clients.watching.log import EventLog
from schemas.predictions import ModelEvent, ModelVersion
from schemas.timeframe import Interval

_log = EventLog(__name__)
LEAD_MS = 120_000  # the store may be a minute behind the market
_QUARTER_MS = Interval.FIFTEEN_MINUTES.ms
_RANKS = {ModelEvent.TRAINED: 0, ModelEvent.PROMOTED: 1, ModelEvent.RETIRED: 2}


@dataclass(frozen=True, slots=True, order=True)
class ModelChange:
    """A change of the models in use; changes are sorted by these attributes.

    Attributes:
        effective_ms: Event time of the first question that it affects.
        decided_ms: When it was asked for. Of changes that take effect at the same time the one
            asked for last is applied last. A training that is told twice was asked for once.
        rank: Order of the kinds of event that were asked for at the same time.
        symbols: Symbols that it affects; empty for all.
        folder: Folder of the artefact, relative to the data folder; empty unless trained.
        sha256: SHA-256 of the artefact's metadata; empty unless trained.
    """

    effective_ms: int
    decided_ms: int
    rank: int
    model: str
    version: str
    event: str
    symbols: tuple[str, ...]
    folder: str = ""
    sha256: str = ""


class ModelSchedule:
    """All known changes."""

    def __init__(self) -> None:
        self._changes: set[ModelChange] = set()

    def add(self, event: ModelVersion) -> None:
        """Add the change of an event, if it has one."""
        change = change_of(event)
        if change is not None:
            self._changes.add(change)

    def newest_trained(self, model: str, symbol: str) -> ModelChange | None:
        """Return the change to the newest version of a symbol's model, None without one."""
        trained = (model, ModelEvent.TRAINED)
        return max((c for c in self.of(symbol) if (c.model, c.event) == trained), default=None)

    def of(self, symbol: str) -> tuple[ModelChange, ...]:
        """Return the changes that affect a symbol, in order, without those taken back."""
        return _standing(sorted(c for c in self._changes if not c.symbols or symbol in c.symbols))


def _standing(changes: Sequence[ModelChange]) -> tuple[ModelChange, ...]:
    """Leave out the retirements that a promotion took back: they must not hold for ever."""
    kept: list[ModelChange] = []
    promoted: set[str] = set()
    for change in reversed(changes):
        if change.event == ModelEvent.RETIRED and change.model in promoted:
            continue
        if change.event == ModelEvent.PROMOTED:
            promoted.add(change.model)
        elif change.event == ModelEvent.TRAINED:
            promoted.discard(change.model)
        kept.append(change)
    return tuple(kept[::-1])


def effective_after(market_ms: int) -> int:
    """Return the quarter of an hour at which a change decided now takes effect.

    Args:
        market_ms: End of the newest stored candle, in event time. It is not this machine's clock,
            because a replayed market has a time of its own.
    """
    return -(-(market_ms + LEAD_MS) // _QUARTER_MS) * _QUARTER_MS


def needed_from(
    changes: Iterable[ModelChange], anchor_ms: int, can_load: Callable[[ModelChange], bool]
) -> list[ModelChange]:
    """Return the changes that a replay from ``anchor_ms`` needs, in order.

    Versions that were replaced before the anchor are left out, and so are promotions before it: the
    replay finds its own evidence for a champion. A version that cannot be loaded replaces none, and
    of several of them the newest is enough to tell of.
    """
    known = sorted(changes)
    newest: dict[str, ModelChange] = {}
    usable: dict[str, ModelChange] = {}
    for change in reversed(known):
        if change.effective_ms <= anchor_ms and change.event == ModelEvent.TRAINED:
            newest.setdefault(change.model, change)
            if change.model not in usable and can_load(change):
                usable[change.model] = change
    needed = {*newest.values(), *usable.values()}
    return [
        c
        for c in known
        if c.effective_ms > anchor_ms or c.event == ModelEvent.RETIRED or c in needed
    ]


def change_of(event: ModelVersion) -> ModelChange | None:
    """Return the change of an event, None for an event that only reports.

    Events that follow from the candles, such as drift or a model's own promotion, only report: they
    have no ``effective_ms`` in their details.
    """
    if event.event not in _RANKS:
        return None
    try:
        details = orjson.loads(event.details)
        if not isinstance(details, dict) or "effective_ms" not in details:
            return None
        return ModelChange(
            effective_ms=int(details["effective_ms"]),
            decided_ms=_decided_ms(event, details.get("request")),
            rank=_RANKS[ModelEvent(event.event)],
            model=event.model,
            version=event.version,
            event=event.event,
            symbols=_symbols(event, details.get("symbols")),
            folder=str(details.get("folder", "")),
            sha256=str(details.get("metadata_sha256", "")),
        )
    except (ValueError, TypeError):
        _log.warning(
            "model_event_unreadable",
            "passed over an event of {model} {version}: unreadable details",
            model=event.model,
            version=event.version,
        )
        return None


def _decided_ms(event: ModelVersion, request: object) -> int:
    known = request.get("requested_ms") if isinstance(request, dict) else None
    return event.event_ms if known is None else int(known)


def _symbols(event: ModelVersion, listed: object) -> tuple[str, ...]:
    if isinstance(listed, list):
        return tuple(sorted(map(str, listed)))
    return (event.symbol,) if event.symbol else ()
