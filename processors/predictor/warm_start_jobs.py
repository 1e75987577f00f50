"""When a symbol's state is made from stored candles, and when its past is scored."""

import asyncio
import logging

from processors.predictor.history_check import Stock
from processors.predictor.process_pool import Children
from processors.predictor.score_backfill import score_past
from processors.predictor.warm_start import Warmed, warm
from processors.versions.schedule import Changes
from schemas.settings import Settings

log = logging.getLogger(__name__)
_PROCESSES = 2
_NICENESS = 5  # what is live goes first
_PAST_NICENESS = 10  # nobody waits for it


class Warmers:
    """Makes states, and after that the scores of the days before the first start."""

    def __init__(self, settings: Settings, changes: Changes, heard: asyncio.Event) -> None:
        self._heard = heard
        self._stock = Stock(settings.clickhouse)
        # At the start there is nothing live yet that could be held up.
        self._children = Children(settings, changes, most=_PROCESSES, niceness=0)
        self._scorer = Children(settings, changes, most=1, niceness=_PAST_NICENESS)
        self._past: dict[str, int] = {}
        self._scoring: asyncio.Task[None] | None = None

    async def warm(self, symbol: str, until_ms: int, bars: int = 0) -> Warmed | None:
        """Return a symbol's state; waits for as long as ClickHouse or Kafka is away.

        Args:
            symbol: Which.
            until_ms: Start of the first candle that it shall not know.
            bars: So many candles are known already; nothing is returned where a replay would not
                be worth while.
        """
        await self._heard.wait()
        with self._children.needed():
            warmed = await self._warmed(symbol, until_ms, bars)
        self._children.niceness = _NICENESS
        return warmed

    @property
    def is_scoring(self) -> bool:
        """Say whether it scores the past."""
        return self._scoring is not None and not self._scoring.done()

    def close(self) -> None:
        """End all processes."""
        self._children.close()
        self._scorer.close()

    async def _warmed(self, symbol: str, until_ms: int, bars: int) -> Warmed | None:
        if bars:
            stored = await self._stock.look(symbol, until_ms)
            if not stored.adds_to(bars):
                return None
            self._children.most = 1  # nobody waits, and the backfill needs memory too
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
