"""Repeated check of the last hours; candles that the exchange corrected are published again."""

import logging
from dataclasses import replace
from typing import Final

from clients.clock import wall_ms
from clients.kafka.partition import partition_of
from clients.retry import persistently
from producers.history.backfill import Backfill
from schemas import topics
from schemas.codecs import encode
from schemas.market import Candle
from schemas.settings import Settings
from schemas.timeframe import Interval, parse_interval

log = logging.getLogger(__name__)
HOUR_MS: Final = 3_600_000


class Recheck:
    """Remembers the exchange's candles, and notices when it corrects one."""

    def __init__(self, backfill: Backfill, settings: Settings) -> None:
        self._backfill = backfill
        self._symbols = settings.symbols
        self._intervals = [parse_interval(name) for name in settings.backfill.intervals]
        self._every_ms = settings.backfill.check_minutes * 60_000
        self._hours_ms = settings.backfill.check_hours * HOUR_MS
        self._due_ms = 0
        self._seen: dict[tuple[str, str, int], Candle] = {}

    async def when_due(self, now_ms: int) -> None:
        """Check all symbols if the interval between checks has passed.

        Raises:
            Transient: The exchange or Kafka does not answer.
        """
        if now_ms < self._due_ms:
            return
        self._due_ms = now_ms + self._every_ms
        server_ms = await persistently(self._backfill.rest.server_ms)
        self._forget(server_ms - 2 * self._hours_ms)
        for interval in self._intervals:
            for symbol in self._symbols:
                await self._check(symbol, interval, server_ms)

    async def _check(self, symbol: str, interval: Interval, now_ms: int) -> None:
        start_ms = interval.open_of(now_ms - self._hours_ms)
        rows = await persistently(
            lambda: self._backfill.rest.candles_between(symbol, interval, start_ms, now_ms)
        )
        corrected = [found for row in rows[:-1] if (found := self._correction(row)) is not None]
        if corrected:
            log.warning("%s %s: %s candles corrected", symbol, interval, len(corrected))
            await self._publish(symbol, corrected)

    def _correction(self, row: Candle) -> Candle | None:
        key = (row.symbol, row.interval, row.open_ms)
        known = self._seen.get(key)
        self._seen[key] = row
        if known is None or known == row:
            return None
        # Of two rows from one source, the store keeps the one with the later event time.
        return replace(row, revision=row.revision + 1, event_ms=wall_ms())

    async def _publish(self, symbol: str, candles: list[Candle]) -> None:
        partitions = self._backfill.ledger.partitions
        values = [encode(candle) for candle in candles]
        place = partition_of(symbol, partitions)
        await (await self._backfill.publisher.page(topics.KLINES, symbol, place, values))

    def _forget(self, before_ms: int) -> None:
        self._seen = {key: row for key, row in self._seen.items() if row.open_ms >= before_ms}
