"""Schedules the warm start of each symbol and, later, the scoring of its past."""

import asyncio
import logging

from processors.predictor.history_check import Stock
from processors.predictor.process_pool import Children
from processors.predictor.score_backfill import score_past
from processors.predictor.warm_start import Warmed, warm, warm_with_extra
from processors.versions.schedule import ModelSchedule
from schemas.settings import Settings

log = logging.getLogger(__name__)
_PROCESSES = 2
_NICENESS = 5  # live work has priority
_PAST_NICENESS = 10  # past scores are not urgent, nor are models of others


class WarmStartJobs:
    """Builds states, and afterwards scores the days before the first start."""

    def __init__(self, settings: Settings, changes: ModelSchedule, heard: asyncio.Event) -> None:
        self._heard = heard
        self._stock = Stock(settings.clickhouse)
        # At the start there is no live work yet that could be delayed.
        self._children = Children(settings, changes, most=_PROCESSES, niceness=0)
        self._scorer = Children(settings, changes, most=1, niceness=_PAST_NICENESS)
        self._extra = Children(settings, changes, most=1, niceness=_PAST_NICENESS)
        self._past: dict[str, int] = {}
        self._scoring: asyncio.Task[None] | None = None

    async def warm(self, symbol: str, until_ms: int, bars: int = 0) -> Warmed | None:
        """Return a symbol's state; wait as long as ClickHouse or Kafka is unavailable.

        Args:
            symbol: Symbol whose state to build.
            until_ms: Start of the first candle to leave out.
            bars: Number of candles that the present state knows, 0 without one. If a replay is not
                worthwhile, None is returned.
        """
        await self._heard.wait()
        with self._children.needed():
            warmed = await self._warmed(symbol, until_ms, bars)
        self._children.niceness = _NICENESS
        return warmed

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
        self._scorer.close()
        self._extra.close()

    async def _warmed(self, symbol: str, until_ms: int, bars: int) -> Warmed | None:
        if bars:
            stored = await self._stock.look(symbol, until_ms)
            if not stored.adds_to(bars):
                return None
            self._children.most = 1  # not urgent, and the backfill needs memory too
        else:
            self._children.most = _PROCESSES
            self._children.start()
            stored = await self._stock.wait(symbol, until_ms)
        warmed = await self._children.run(warm, symbol, until_ms)
        if stored.is_all:
            self._score_past(symbol, until_ms)
        return warmed

    def _score_past(self, symbol: str, until_ms: int) -> None:
        self._past[symbol] = until_ms
        if not self.is_scoring:
            self._scoring = asyncio.create_task(self._score_all())

    async def _score_all(self) -> None:
        with self._scorer.needed():
            while self._past:
                symbol = next(iter(self._past))
                count = await self._scorer.run(score_past, symbol, self._past.pop(symbol))
                if count:
                    log.info("%s: %d scores of the past", symbol, count)
