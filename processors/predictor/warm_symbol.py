"""A symbol that is warm, and the look for a longer history of it."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from processors.prediction.state import SymbolState
from processors.predictor.ports import Looker
from processors.versions.schedule import ModelChange
from schemas.market import Candle

_RETRY_MS: Final = 60_000  # an incomplete history is checked again every minute of event time
_GIVE_UP_MS: Final = 30 * 60_000  # for half an hour
_RARELY_MS: Final = 15 * 60_000  # and then every quarter: years of history take hours to fetch


@dataclass(slots=True)
class WarmSymbol:
    """A symbol that is warm.

    Attributes:
        anchor_ms: Start of the history that the state is built from.
        whole: Whether the state knows every candle since then.
        since_ms: Event time of the first warm start since the anchor moved.
        warmed_ms: Event time of the last warm start.
        looked_ms: Event time of the last look for a longer history.
        knows_more: Whether the store had one then.
        refreshed_ms: Event time of the last predictions for display.
        changes: Model changes that have taken effect.
        later: Candles since the warm start, while the models of others are still replayed.
    """

    state: SymbolState
    anchor_ms: int
    whole: bool
    since_ms: int
    warmed_ms: int
    looked_ms: int
    knows_more: bool = False
    refreshed_ms: int = 0
    changes: set[ModelChange] = field(default_factory=set)
    later: list[Candle] | None = None

    def waits_for_history(self, now_ms: int) -> bool:
        """Return whether the rest of the history may still come soon."""
        return not self.whole and now_ms <= self.since_ms + _GIVE_UP_MS

    def may_know_more(self, now_ms: int) -> bool:
        """Return whether to look for a longer history now."""
        soon = now_ms < self.since_ms + _GIVE_UP_MS
        return not self.whole and now_ms >= self.looked_ms + (_RETRY_MS if soon else _RARELY_MS)


class HistoryLooks:
    """Looks for longer histories beside the work: a store that hangs delays no prediction."""

    def __init__(self, look: Looker | None, symbols: Mapping[str, WarmSymbol]) -> None:
        """Look for nothing without ``look``.

        Args:
            look: Looks into the store.
            symbols: The symbols that are warm; each is told what was found.
        """
        self._look = look
        self._symbols = symbols
        self._due: dict[str, None] = {}  # symbols for which to look into the store, in order
        self._task: asyncio.Task[None] | None = None

    def begin_if_due(self, name: str, symbol: WarmSymbol, now_ms: int) -> None:
        """Begin to look for a symbol's history, or put it behind those that are looked for."""
        if self._look is None or not symbol.may_know_more(now_ms):
            return
        symbol.looked_ms = now_ms
        self._due[name] = None
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._look_at_due(self._look))

    def cancel(self) -> None:
        """Look no more."""
        if self._task is not None:
            self._task.cancel()
        self._task = None
        self._due.clear()

    async def _look_at_due(self, look: Looker) -> None:
        while self._due:
            name = next(iter(self._due))
            del self._due[name]
            if symbol := self._symbols.get(name):
                state = symbol.state
                symbol.knows_more = await look(name, state.next_ms, state.bars)
