"""The predictor: handles each closed and each open candle, independent of Faust."""

import asyncio
from dataclasses import replace

from clients.watching.log import EventLog
from processors.prediction.issue import refresh
from processors.prediction.reply import CANDLE_MS
from processors.predictor.endings import Endings, insisted, is_done_within
from processors.predictor.ports import Done, ExtraWarmer, Looker, Outlet, Record, Warmer
from processors.predictor.warm_start import Warmed
from processors.predictor.warm_symbol import HistoryLooks, WarmSymbol, in_pieces
from processors.versions.installer import Installer
from schemas.market import Candle
from schemas.predictions import ModelEvent, ModelVersion
from schemas.timeframe import Interval

_log = EventLog(__name__)
REFRESH_MS = 5_000
PATIENCE_S = 60.0  # then a symbol goes on with the state that it has


async def nobody() -> None:
    """Do nothing when a candle is done."""


class Predictor:
    """Predicts for the symbols whose partitions this process owns."""

    def __init__(
        self,
        warmer: Warmer,
        outlet: Outlet,
        installer: Installer | None = None,
        extra: ExtraWarmer | None = None,
        look: Looker | None = None,
    ) -> None:
        self._warmer = warmer
        self._extra = extra
        self._outlet = outlet
        self._installer = installer or Installer()
        self._symbols: dict[str, WarmSymbol] = {}
        self._waiting: dict[str, list[tuple[Candle, Done]]] = {}  # until their symbol is warm
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._joining: dict[str, tuple[WarmSymbol, asyncio.Task[None]]] = {}
        self._replays: dict[str, asyncio.Task[None]] = {}  # beside the work
        self._endings = Endings()
        self._looks = HistoryLooks(look, self._symbols)

    async def take(self, candle: Candle, done: Done = nobody) -> None:
        """Process one closed candle: publish predictions, and scores if their candle has closed.

        Only 1m candles count, and one that is already known changes nothing. While a symbol warms
        up, its candles wait, and other symbols continue.

        Args:
            candle: A closed candle of any symbol.
            done: Called when Kafka has all that follows from it, which may be after this call has
                returned.
        """
        name = candle.symbol
        symbol = self._symbols.get(name)
        if candle.interval != Interval.ONE_MINUTE.value:
            await done()
        elif name in self._waiting:
            self._waiting[name].append((candle, done))
        elif symbol is None or symbol.wants_replay(candle):
            self._waiting[name] = [(candle, done)]
            self._tasks[name] = asyncio.create_task(self._warm_up(name))
        else:
            self._looks.begin_if_due(name, symbol, candle.open_ms)
            await self._step(symbol, candle, done)

    @property
    def warm(self) -> int:
        """Number of symbols that are predicted."""
        return len(self._symbols)

    @property
    def waiting(self) -> int:
        """Number of symbols whose candles wait until their history is known."""
        return len(self._waiting)

    @property
    def market_ms(self) -> int:
        """Event time of the symbol that is furthest, as one may be traded no more; 0 without."""
        return max((s.state.next_ms for s in self._symbols.values()), default=0)

    @property
    def is_settled(self) -> bool:
        """Whether every symbol knows its whole history, or has waited for it long enough."""
        now_ms = self.market_ms
        waits = any(s.waits_for_history(now_ms) for s in self._symbols.values())
        replays = any(s.beside is not None for s in self._symbols.values())
        return not (self._waiting or waits or replays)

    async def show(self, candle: Candle) -> None:
        """Publish predictions for display at an open candle's price, at most every five seconds.

        Only 15m candles count.
        """
        symbol = self._symbols.get(candle.symbol)
        # A shorter candle comes with it, at the same price, and does not know its open.
        if symbol is None or candle.interval != Interval.FIFTEEN_MINUTES.value:
            return
        if candle.event_ms < symbol.refreshed_ms + REFRESH_MS:
            return
        answers = refresh(
            symbol.state,
            last_price_e8=candle.close_e8,
            issued_ms=candle.event_ms,
            open_e8=candle.open_e8,
        )
        if answers:
            symbol.refreshed_ms = candle.event_ms
            await self._outlet.publish(answers)

    def forget(self) -> None:
        """Drop all states after a new assignment of partitions."""
        joining = [task for _, task in self._joining.values()]
        for task in (*self._tasks.values(), *joining, *self._replays.values()):
            task.cancel()
        self._endings.cancel()
        self._looks.cancel()
        self._tasks.clear()
        self._joining.clear()
        self._replays.clear()
        self._waiting.clear()
        self._symbols.clear()

    async def _step(self, symbol: WarmSymbol, candle: Candle, done: Done) -> None:
        for kept in (symbol.later, symbol.beside):
            if kept is not None:
                kept.append(candle)
        taken, failures = symbol.take(candle)
        records: tuple[Record, ...] = (
            *taken.scores, *taken.events, *failures, *taken.predictions,
        )  # fmt: skip
        if taken.judged:  # a candle whose last minute is missing has none yet
            symbol.scored_ms = candle.close_ms - CANDLE_MS
        # The next candle need not wait until Kafka has what follows from this one.
        self._endings.begin(await self._outlet.publish(records), done)

    async def _join(self, extra: ExtraWarmer, name: str, symbol: WarmSymbol) -> None:
        """Let the models of others take part, once they know the same candles as ours."""
        warmed = await insisted(lambda: extra(name, symbol.warmed_ms), name)
        fresh = replace(symbol, state=warmed.state, changes=set(warmed.changes), later=None)
        guests = {c.model.name for c in warmed.state.contestants if c.is_extra}
        events: list[ModelVersion] = []
        async for piece in in_pieces(symbol.later or []):
            events += [event for candle in piece for event in fresh.take(candle)[0].events]
        # Nothing is awaited until the new state has taken over: no candle comes in between.
        symbol.later = None
        if self._symbols.get(name) is symbol and fresh.state.bars >= symbol.state.bars:
            fresh.state.stand_for(symbol.state)
            self._symbols[name] = replace(symbol, state=fresh.state, changes=fresh.changes)
        failed = [e for e in events if e.model in guests and e.event == ModelEvent.FAILED]
        await self._outlet.publish((*warmed.events, *failed))

    async def _warm_up(self, name: str) -> None:
        await insisted(lambda: self._catch_up(name), name)
        del self._waiting[name]
        self._begin_joining(name, self._symbols[name])

    async def _catch_up(self, name: str) -> None:
        """Take the candles that wait for a symbol; warm it where they ask for it."""
        waiting = self._waiting[name]
        try:
            while waiting:
                candle, done = waiting[0]
                symbol = self._symbols.get(name)
                if symbol is None or symbol.wants_replay(candle):
                    symbol = self._symbols[name] = await self._warm(symbol, candle)
                await self._step(symbol, candle, done)
                waiting.pop(0)
        except Exception:
            self._symbols.pop(name, None)  # it may have half of a candle
            raise

    def _begin_joining(self, name: str, symbol: WarmSymbol) -> None:
        known, task = self._joining.get(name, (None, None))
        if self._extra is None or symbol.later is None or known is symbol:
            return
        if task is not None:
            task.cancel()  # its state is replaced already
        task = asyncio.create_task(self._join(self._extra, name, symbol))
        self._joining[name] = symbol, task

    async def _warm(self, symbol: WarmSymbol | None, candle: Candle) -> WarmSymbol:
        name, until_ms = candle.symbol, candle.open_ms
        bars = 0 if symbol is None or symbol.must_begin_anew(candle) else symbol.state.bars
        scored_ms = 0 if symbol is None else symbol.scored_ms
        replay = asyncio.create_task(
            insisted(lambda: self._warmer(name, until_ms, bars, scored_ms), name)
        )
        if not await is_done_within(None if symbol is None else PATIENCE_S, replay):
            return self._go_on(candle, replay)
        warmed = replay.result()
        if warmed is None:
            return self._unchanged(candle)
        fresh = await self._replaced(candle, warmed)
        if before := self._symbols.get(name):
            await self._outlet.publish(fresh.follow(before, until_ms))
        return fresh

    def _unchanged(self, candle: Candle) -> WarmSymbol:
        """Return the symbol that goes on with its state; models of others may have joined it."""
        symbol = self._symbols.get(candle.symbol)
        if symbol is None:
            raise ValueError(f"{candle.symbol}: no state, though none was known")
        symbol.looked_ms, symbol.knows_more = candle.open_ms, False
        if symbol.state.next_ms < candle.open_ms:
            symbol.whole, symbol.since_ms = False, candle.open_ms
        return symbol

    def _go_on(self, candle: Candle, replay: "asyncio.Task[Warmed | None]") -> WarmSymbol:
        """Go on with the present state while a replay takes long: the store may be away."""
        symbol = self._unchanged(candle)
        beside = symbol.beside = []
        if before := self._replays.get(candle.symbol):
            before.cancel()  # of a state that is gone
        self._replays[candle.symbol] = asyncio.create_task(
            insisted(lambda: self._take_over(candle, beside, replay), candle.symbol)
        )
        return symbol

    async def _take_over(
        self, candle: Candle, beside: list[Candle], replay: "asyncio.Task[Warmed | None]"
    ) -> None:
        """Let a replayed state take over, once it knows the candles that came meanwhile."""
        await is_done_within(None, replay)
        warmed = replay.result()
        fresh = None if warmed is None else await self._replaced(candle, warmed)
        if fresh is not None:
            async for piece in in_pieces(beside):
                fresh.catch_up(piece)
        # Nothing is awaited until the new state has taken over: no candle comes in between.
        symbol = self._symbols.get(candle.symbol)
        if symbol is None or symbol.beside is not beside:
            return
        symbol.beside = None
        if fresh is not None:
            failures = fresh.follow(symbol, symbol.state.next_ms)
            fresh.since_ms = fresh.state.next_ms  # what it may lack is looked for each minute
            self._symbols[candle.symbol] = fresh
            self._begin_joining(candle.symbol, fresh)
            await self._outlet.publish(failures)

    async def _replaced(self, candle: Candle, warmed: Warmed) -> WarmSymbol:
        known = "whole" if warmed.whole else "in part"
        _log.info(
            "symbol_warm",
            "{symbol}: warm from {bars} candles, history {known}",
            symbol=candle.symbol,
            bars=warmed.state.bars,
            known=known,
        )
        await self._outlet.publish((*warmed.scores, *warmed.events))
        now_ms = candle.open_ms
        return WarmSymbol(
            self._installer,
            warmed.state,
            warmed.anchor_ms,
            warmed.whole,
            since_ms=now_ms,
            warmed_ms=now_ms,
            looked_ms=now_ms,
            changes=set(warmed.changes),
            later=[] if self._extra else None,
        )
