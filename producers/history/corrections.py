"""Repeated check of the last hours; candles that the exchange corrected are published again.

The first look compares with what was published, by this process or one before it.
"""

import asyncio
from dataclasses import replace
from typing import Final

from clients.clock import wall_ms
from clients.kafka.followed_symbols import FollowedSymbols
from clients.kafka.partition import partition_of
from clients.retry import persistently
from clients.watching.log import EventLog
from producers.history.backfill import Backfill
from producers.history.fetch import place_of
from producers.history.time_ranges import Spans
from schemas import topics
from schemas.codecs import encode
from schemas.market import Candle, CandleSource
from schemas.settings import Settings
from schemas.timeframe import HOUR_MS, Interval, parse_interval

_log = EventLog(__name__)
READ_BACK: Final = 4  # the stream's candles are between those by REST, and all sources may be twice
MOST_READ_BACK: Final = 50_000  # records of each partition


class Recheck:
    """Compares the exchange's candles with those that were published, and notices corrections."""

    def __init__(self, backfill: Backfill, settings: Settings, followed: FollowedSymbols) -> None:
        self._backfill = backfill
        self._followed = followed
        self._intervals = [parse_interval(name) for name in settings.backfill.intervals]
        self._every_ms = settings.backfill.check_minutes * 60_000
        self._hours_ms = settings.backfill.check_hours * HOUR_MS
        self._due_ms = 0
        self._knows_before = False

    async def when_due(self, now_ms: int) -> None:
        """Check all symbols if the interval between checks has passed.

        Raises:
            Transient: The exchange or Kafka does not answer.
        """
        if now_ms < self._due_ms:
            return
        self._due_ms = now_ms + self._every_ms
        if not self._knows_before:
            await asyncio.to_thread(self._read_back)
            self._knows_before = True
        server_ms = await persistently(self._backfill.rest.server_ms)
        self._forget(server_ms - self._backfill.recent_ms)
        for interval in self._intervals:
            for symbol in self._followed.traded:
                await self._check(symbol, interval, server_ms)

    async def _check(self, symbol: str, interval: Interval, now_ms: int) -> None:
        start_ms = interval.open_of(now_ms - self._hours_ms)
        rows = await persistently(
            lambda: self._backfill.rest.candles_between(
                symbol, interval, start_ms, now_ms, refuse=lambda _: None
            )
        )
        self._miss_again(symbol, interval, rows[:-1])
        corrected = [found for row in rows[:-1] if (found := self._correction(row)) is not None]
        if corrected:
            _log.warning(
                "candles_corrected",
                "{symbol} {interval}: {candles} candles corrected",
                symbol=symbol,
                interval=interval,
                candles=len(corrected),
            )
            await self._publish(symbol, corrected)

    def _miss_again(self, symbol: str, interval: Interval, rows: list[Candle]) -> None:
        # The exchange lacked these candles when they were asked for: the next round fetches them.
        key, come = (symbol, interval.value), Spans.of((row.open_ms, row.close_ms) for row in rows)
        if key in self._backfill.unproven:
            self._backfill.unproven[key] -= come

    def _correction(self, row: Candle) -> Candle | None:
        known = self._backfill.recent.get(place_of(row))
        if known is not None and known.values == row.values:
            return None
        if known is None:
            self._backfill.recent[place_of(row)] = row
            return None
        # Of two rows from one source, the store keeps the one with the later event time.
        event_ms = max(wall_ms(), known.event_ms + 1)
        corrected = replace(row, revision=known.revision + 1, event_ms=event_ms)
        self._backfill.recent[place_of(row)] = corrected
        return corrected

    def _read_back(self) -> None:
        series = len(self._followed) * sum(HOUR_MS // one.ms for one in self._intervals)
        depth = min(series * self._hours_ms // HOUR_MS * READ_BACK, MOST_READ_BACK)
        recent = self._backfill.recent
        for candle in self._backfill.ledger.newest_candles(depth):
            known = recent.get(place_of(candle))
            if candle.source == CandleSource.REST and (
                known is None or candle.revision > known.revision
            ):
                recent[place_of(candle)] = candle

    async def _publish(self, symbol: str, candles: list[Candle]) -> None:
        partitions = self._backfill.ledger.partitions
        values = [encode(candle) for candle in candles]
        place = partition_of(symbol, partitions)
        await (await self._backfill.publisher.page(topics.KLINES, symbol, place, values))

    def _forget(self, before_ms: int) -> None:
        recent = self._backfill.recent
        for place in [place for place, row in recent.items() if row.open_ms < before_ms]:
            del recent[place]
