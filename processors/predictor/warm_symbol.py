"""A symbol that is warm, and the look for a longer history of it."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from processors.prediction.prequential import Step, step
from processors.prediction.state import SymbolState
from processors.predictor.anchor import anchor_of
from processors.predictor.ports import Looker
from processors.versions.installer import Installer
from processors.versions.schedule import ModelChange
from schemas.market import Candle
from schemas.predictions import ModelVersion

_RETRY_MS: Final = 60_000  # an incomplete history is checked again every minute of event time
_GIVE_UP_MS: Final = 30 * 60_000  # for half an hour
_RARELY_MS: Final = 15 * 60_000  # and then every quarter: years of history take hours to fetch
PIECE: Final = 60  # candles, some 20 ms: predictions of other symbols wait for them


@dataclass(slots=True)
class WarmSymbol:
    """A symbol that is warm.

    Attributes:
        installer: Applies model changes.
        anchor_ms: Start of the history that the state is built from.
        whole: Whether the state knows every candle since then.
        since_ms: Event time of the first warm start since the anchor moved.
        warmed_ms: Event time of the last warm start.
        looked_ms: Event time of the last look for a longer history.
        knows_more: Whether the store had one then.
        refreshed_ms: Event time of the last predictions for display.
        changes: Model changes that have taken effect.
        later: Candles since the warm start, while the models of others are still replayed.
        beside: Candles since a replay began whose state takes over once it is there; None without.
        scored_ms: Scores of candles that opened until then are published; 0: the store knows.
    """

    installer: Installer
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
    beside: list[Candle] | None = None
    scored_ms: int = 0

    def waits_for_history(self, now_ms: int) -> bool:
        """Return whether the rest of the history may still come soon."""
        return not self.whole and now_ms <= self.since_ms + _GIVE_UP_MS

    def may_know_more(self, now_ms: int) -> bool:
        """Return whether to look for a longer history now."""
        soon = now_ms < self.since_ms + _GIVE_UP_MS
        return not self.whole and now_ms >= self.looked_ms + (_RETRY_MS if soon else _RARELY_MS)

    def wants_replay(self, candle: Candle) -> bool:
        """Return whether to replay the stored candles before this one is taken."""
        if candle.open_ms < self.state.next_ms:
            return False  # known: a state of that time would answer again what is published
        if self.beside is not None:
            return False  # it is replayed already
        # The first candle after a start may be one of yesterday that was repaired; what lies
        # between it and the next one is stored.
        is_behind = self.state.next_ms < candle.open_ms
        return is_behind or self.knows_more or self.must_begin_anew(candle)

    def must_begin_anew(self, candle: Candle) -> bool:
        """Return whether only a replay gives the right state, however much this one knows."""
        if anchor_of(candle.open_ms) != self.anchor_ms:
            return True
        # A change arrived after it took effect, or was taken back.
        known = self.installer.changes.of(self.state.symbol)
        return bool(self._news(self.state.next_ms)) or not self.changes <= set(known)

    def take(self, candle: Candle) -> tuple[Step, tuple[ModelVersion, ...]]:
        """Take a closed candle, and return what follows and which models cannot be installed."""
        known_ms = self.state.next_ms
        due = [c for c in self._news(candle.close_ms) if c.effective_ms > known_ms]
        failures = self._install(due)
        taken = step(self.state, candle)
        self.state = taken.state
        return taken, failures

    def catch_up(self, candles: Sequence[Candle]) -> None:
        """Take the candles that came while the stored ones were replayed."""
        gaps = self.state.gaps
        for candle in candles:
            self.take(candle)
        if self.later is not None:
            self.later += candles
        self.whole = self.whole and self.state.gaps == gaps

    def follow(self, before: "WarmSymbol", until_ms: int) -> tuple[ModelVersion, ...]:
        """Take the place of ``before``, and return which models cannot be installed.

        Args:
            before: The present symbol.
            until_ms: Start of the first candle that neither should know.
        """
        self.refreshed_ms, self.scored_ms = before.refreshed_ms, before.scored_ms
        self.state.stand_for(before.state)
        if before.anchor_ms != self.anchor_ms:
            return ()
        if before.state.next_ms == until_ms:
            self.since_ms = before.since_ms
        # Where a change was taken back, only the replayed state is without it.
        if self.state.bars >= before.state.bars or not before.changes <= self.changes:
            return ()
        self.state = before.state  # the store has fewer candles than the present state
        return self._install(sorted(self.changes - before.changes))

    def _news(self, until_ms: int) -> list[ModelChange]:
        changes = self.installer.changes.of(self.state.symbol)
        return [c for c in changes if c.effective_ms <= until_ms and c not in self.changes]

    def _install(self, due: Sequence[ModelChange]) -> tuple[ModelVersion, ...]:
        self.changes.update(due)
        return self.installer.install(self.state, due)


async def in_pieces(candles: list[Candle]) -> AsyncIterator[list[Candle]]:
    """Yield candles, also those that are added meanwhile, in pieces between which others go on.

    Behind the last piece nothing is awaited.
    """
    taken = 0
    while taken < len(candles):
        if taken:
            await asyncio.sleep(0)
        piece = candles[taken : taken + PIECE]
        taken += len(piece)
        yield piece


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
