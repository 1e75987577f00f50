"""Schedules the warm start of each symbol and, later, the scoring of its past."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from functools import partial

from clients.watching.log import EventLog
from processors.predictor.history_check import Stock
from processors.predictor.process_pool import Children, Work
from processors.predictor.score_backfill import score_past_nicely
from processors.predictor.warm_start import Warmed, warm, warm_with_extra
from processors.versions.schedule import ModelSchedule
from schemas.settings import Settings

_log = EventLog(__name__)
_PROCESSES = 2
_NICENESS = 5  # live work has priority
_EXTRA_NICENESS = 10  # models of others are not urgent
_START_S = 45 * 60.0  # by then the predictor has given up waiting for the rest of the past


class WarmStartJobs:
    """Builds states, and afterwards scores the days before the first start.

    Construct it before anything else has a thread: the first processes are copies of this one. They
    stay until the whole past is known and scored.
    """

    def __init__(
        self, settings: Settings, changes: ModelSchedule, heard: Callable[[], Awaitable[object]]
    ) -> None:
        """Start the processes.

        Args:
            settings: Addresses of ClickHouse and Kafka, and the folder of the trained models.
            changes: The model changes.
            heard: Waits until all model changes of the past are in ``changes``.
        """
        self._heard = heard
        self._stock = Stock(settings)
        # At the start there is no live work yet that could be delayed.
        self._children = Children(settings, changes, most=_PROCESSES, niceness=0)
        self._extra = Children(settings, changes, most=1, niceness=_EXTRA_NICENESS)
        self._unscored: set[str] = set()
        self._past: dict[str, int] = {}
        self._scoring: asyncio.Task[None] | None = None
        self._limit: asyncio.TimerHandle | None = None
        self._start = ExitStack()
        self._start.enter_context(self._children.needed())
        self._children.start()

    async def warm(
        self, symbol: str, until_ms: int, bars: int = 0, scored_ms: int = 0
    ) -> Warmed | None:
        """Return a symbol's state; wait as long as ClickHouse or Kafka is unavailable.

        Args:
            symbol: Symbol whose state to build.
            until_ms: Start of the first candle to leave out.
            bars: Number of candles that the present state knows, 0 without one. If a replay is not
                worthwhile, None is returned.
            scored_ms: Scores of candles that opened until then are published.
        """
        await self._heard()
        if self._limit is None:
            self._limit = asyncio.get_running_loop().call_later(_START_S, self._start.close)
        with self._children.needed():
            warmed = await self._warmed(symbol, until_ms, bars, partial(warm, scored_ms=scored_ms))
        self._children.niceness = _NICENESS
        return warmed

    async def knows_more(self, symbol: str, until_ms: int, bars: int) -> bool:
        """Return whether a replay is worthwhile for a state that knows ``bars`` candles.

        It takes as long as ClickHouse needs to say what is stored, a minute at most.
        """
        stored = await self._stock.look(symbol, until_ms)
        if stored.adds_to(bars):
            return True
        if stored.is_all:  # all of it came between the look and the replay of last time
            self._score_past(symbol, until_ms)
        return False

    async def warm_with_extra(self, symbol: str, until_ms: int) -> Warmed:
        """Return a symbol's state with the extra models, however long they take."""
        with self._extra.needed():
            return await self._extra.run(warm_with_extra, symbol, until_ms)

    @property
    def is_scoring(self) -> bool:
        """Whether past candles are being scored."""
        return self._scoring is not None and not self._scoring.done()

    def close(self) -> None:
        """End all processes."""
        self._children.close()
        self._extra.close()

    async def _warmed(
        self, symbol: str, until_ms: int, bars: int, work: Work[Warmed]
    ) -> Warmed | None:
        if bars and not await self.knows_more(symbol, until_ms, bars):
            return None
        if bars:
            warmed, is_all = await self._children.run(work, symbol, until_ms), False
        else:
            self._unscored.add(symbol)
            warmed, is_all = await self._begun(symbol, until_ms, work)
        # The rest may have come since that look, and then nobody asks for another replay.
        if is_all or warmed.whole:
            self._score_past(symbol, until_ms)
        return warmed

    async def _begun(self, symbol: str, until_ms: int, work: Work[Warmed]) -> tuple[Warmed, bool]:
        """Return a state of what is stored, and whether that is the whole past."""
        self._children.start()
        stored = await self._stock.wait(symbol, until_ms)
        warmed = await self._children.run(work, symbol, until_ms)
        if warmed.state.bars and not stored.total:
            # ClickHouse has come back just now: what it missed meanwhile comes soon after.
            stored = await self._stock.wait(symbol, until_ms)
            warmed = await self._children.run(work, symbol, until_ms)
        return warmed, stored.is_all

    def _score_past(self, symbol: str, until_ms: int) -> None:
        if symbol not in self._unscored:
            return
        self._unscored.remove(symbol)
        self._past[symbol] = until_ms
        if not self.is_scoring:
            self._scoring = asyncio.create_task(self._score_all())

    async def _score_all(self) -> None:
        with self._children.needed():
            while self._past:
                symbol = next(iter(self._past))
                until_ms = self._past.pop(symbol)
                try:
                    count = await self._children.run(score_past_nicely, symbol, until_ms)
                except Exception as error:  # noqa: BLE001 - its trace is logged
                    _log.exception(
                        "past_not_scored",
                        "{symbol}: its past is not scored; the next start tries it again",
                        error,
                        symbol=symbol,
                    )
                    continue
                if count:
                    _log.info(
                        "past_scored",
                        "{symbol}: {scores} scores of the past",
                        symbol=symbol,
                        scores=count,
                    )
        if not self._unscored:
            self._start.close()
