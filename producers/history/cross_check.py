"""Comparison of the exchange's 15m candles with its 1m candles, of every day, without being asked.

What differs is fetched again from the other source. `market.cross-checks.v1` keeps the finding.
"""

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import IO, Final

from clients.clock import steady_ms, wall_ms
from clients.kafka.partition import partition_of
from clients.retry import persistently
from clients.watching.log import EventLog
from producers.binance.archive import archived_candles
from producers.binance.archive_names import day_file
from producers.binance.kline_csv import KlineFile
from producers.history.archive_fetch import COME_AGAIN, stamped
from producers.history.backfill import Backfill, Progress, Wanted
from producers.history.contradictions import Ask, Contradiction, Day, checked
from producers.history.progress import SeriesProgress
from producers.history.stored_days import StoredDays
from schemas import topics
from schemas.candle_columns import encode_candles
from schemas.codecs import encode
from schemas.errors import CandlewickError, PoisonMessage, RestartNeeded, Transient
from schemas.history import CheckState, CrossCheck
from schemas.timeframe import Interval

_log = EventLog(__name__)
INTERVALS: Final = (Interval.FIFTEEN_MINUTES, Interval.ONE_MINUTE)
EVERY_MS: Final = 60_000
PAUSES: Final = 50  # as long as a look takes, so that it costs ClickHouse little
ROUNDS: Final = 4  # a first look, REST, the daily archive, a last look
STORED_MS: Final = 20_000  # the store gets nothing for so long: the sinks are away
LOOK_S: Final = 0.2
SETTLED_MS: Final = 3_600_000  # after its end a day's last candles may still be on their way


@dataclass(slots=True)
class CrossChecks:
    """Compares the days that ClickHouse holds of some symbols.

    Attributes:
        found: What came of all comparisons so far, oldest first.
    """

    backfill: Backfill
    found: list[CrossCheck] = field(default_factory=list)
    _before: dict[tuple[str, int], str] = field(default_factory=dict)
    _due_ms: int = 0

    async def when_due(self, symbols: Iterable[str], now_ms: int) -> None:
        """Compare if the time has come; without ClickHouse it is left to the next time.

        Raises:
            RestartNeeded: Kafka has shut this process out.
        """
        if now_ms < self._due_ms:
            return
        began_ms = steady_ms()
        try:
            with closing(await self.opened()) as store:
                await self.look(store, symbols)
        except RestartNeeded:
            raise
        except CandlewickError as error:
            _log.warning(
                "cross_check_postponed",
                "15m candles are not compared with 1m candles now: {error}",
                error=error,
            )
        self.found.clear()  # they are kept in Kafka
        took_ms = steady_ms() - began_ms
        self._due_ms = now_ms + max(EVERY_MS, took_ms * PAUSES)

    async def after(self, tracks: Sequence[SeriesProgress], since_ms: int) -> None:
        """Compare once ClickHouse has what some tracks fetched, and again what was fetched again.

        Args:
            tracks: Tracks that have ended.
            since_ms: When they began, by the store's clock.

        Raises:
            Transient: ClickHouse does not answer, or does not get the candles.
        """
        symbols = dict.fromkeys(track.symbol for track in tracks)
        awaited = [(t.symbol, t.interval, t.newest_ms) for t in tracks if t.rows]
        with closing(await self.opened()) as store:
            for _ in range(ROUNDS):
                await self._stored(store, awaited, since_ms)
                since_ms = await asyncio.to_thread(store.clock_ms)
                again = await self.look(store, symbols)
                if not again:
                    return
                awaited = [(symbol, Interval.FIFTEEN_MINUTES, open_ms) for symbol, open_ms in again]

    async def opened(self) -> StoredDays:
        """Connect to ClickHouse; raises as `StoredDays` does."""
        return await asyncio.to_thread(StoredDays, self.backfill.settings.clickhouse)

    async def look(self, store: StoredDays, symbols: Iterable[str]) -> list[tuple[str, int]]:
        """Compare what is new, and fetch again what differs.

        Returns:
            Symbol and opening time of each 15m candle that was fetched again.

        Raises:
            Transient: ClickHouse, the exchange or Kafka does not answer.
        """
        again = []
        now_ms = await persistently(self.backfill.rest.server_ms)
        until_ms = Interval.ONE_DAY.open_of(now_ms - SETTLED_MS)
        for symbol in symbols:
            days = await asyncio.to_thread(store.due, symbol, until_ms=until_ms)
            await self._tell(days)
            for day in days:
                again += [
                    (symbol, found.open_ms)
                    for found in day.contradictions
                    if await self._fetch(symbol, found)
                ]
        return again

    async def _tell(self, days: Iterable[Day]) -> None:
        results = []
        for day in days:
            # What was told of it before may not be stored yet.
            before = self._before.pop((day.symbol, day.open_ms), day.before)
            result = checked(replace(day, before=before), now_ms=wall_ms())
            if result.state == CheckState.DIFFERS:
                _log.warning(
                    "cross_check_differs",
                    "{symbol}: {reason}",
                    symbol=day.symbol,
                    reason=result.reason,
                )
                self._before[day.symbol, day.open_ms] = result.reason
            results.append(result)
        tell = self.backfill.publisher.record
        await asyncio.gather(*(tell(topics.CROSS_CHECKS, result) for result in results))
        self.found += results

    async def _stored(
        self, store: StoredDays, awaited: list[tuple[str, Interval, int]], since_ms: int
    ) -> None:
        left, rows, moved_ms = list(awaited), -1, steady_ms()
        while left:
            symbol, interval, open_ms = left[0]
            if await asyncio.to_thread(
                store.holds, symbol, interval.value, open_ms, since_ms=since_ms
            ):
                left.pop(0)
                continue
            if rows != (rows := await asyncio.to_thread(store.rows)):
                moved_ms = steady_ms()
            if steady_ms() - moved_ms > STORED_MS:
                raise Transient("ClickHouse does not get the candles: are the sinks running?")
            await asyncio.sleep(LOOK_S)

    async def _fetch(self, symbol: str, contradiction: Contradiction) -> bool:
        """Publish both again as the next source has them; return whether it has any."""
        start_ms = contradiction.open_ms
        span = (start_ms, start_ms + Interval.FIFTEEN_MINUTES.ms)
        values: list[bytes] = []
        for interval in INTERVALS:
            if contradiction.next is Ask.REST:
                values += await self._from_rest(symbol, interval, span)
            elif contradiction.next is Ask.DAILY:
                values += await self._from_day(symbol, interval, span)
        if values:
            place = partition_of(symbol, self.backfill.ledger.partitions)
            await (await self.backfill.publisher.page(topics.KLINES, symbol, place, values))
        return bool(values)

    async def _from_rest(
        self, symbol: str, interval: Interval, span: tuple[int, int]
    ) -> list[bytes]:
        refused: list[PoisonMessage] = []
        found = await persistently(
            lambda: self.backfill.rest.candles_between(
                symbol, interval, *span, refuse=refused.append
            )
        )
        again = (replace(one, event_ms=wall_ms(), revision=COME_AGAIN) for one in found)
        return [encode(candle) for candle in again]

    async def _from_day(
        self, symbol: str, interval: Interval, span: tuple[int, int]
    ) -> list[bytes]:
        file, archives = day_file(symbol, interval, span[0]), self.backfill.archives
        sha256 = await persistently(lambda: archives.checksum(file))
        if sha256 is None:
            return []
        about = KlineFile(symbol, interval, file.source.value, file.open_ms, file.close_ms)

        def use(held: IO[bytes]) -> list[bytes]:
            found: list[bytes] = []
            for columns in archived_candles(held, about, lambda _: None):
                inside = (columns.open_ms >= span[0]) & (columns.open_ms < span[1])
                found += encode_candles(stamped(columns, wall_ms()).select(inside))
            return found

        try:
            return await persistently(lambda: archives.read(file, sha256, use))
        except PoisonMessage as error:
            _log.warning("cross_check_unread", "{error}", error=error)
            return []


async def run_and_compare(backfill: Backfill, wanted: Wanted, progress: Progress) -> None:
    """Run a backfill, then compare what ClickHouse has of its symbols; raises as `Backfill.run`."""
    checks = CrossChecks(backfill)
    since_ms = -1
    try:
        with closing(await checks.opened()) as store:
            since_ms = await asyncio.to_thread(store.clock_ms)
    except CandlewickError as error:
        progress.unchecked = str(error)
    await backfill.run(wanted, progress)
    if progress.unchecked:
        return
    progress.says = "comparing 15m candles with 1m candles, once ClickHouse has them"
    try:
        await checks.after(progress.tracks, since_ms)
    except RestartNeeded:
        raise
    except CandlewickError as error:
        progress.unchecked = str(error)
    progress.checks, progress.says = checks.found, ""
