"""Continuous backfill: fills the past when the stack starts, then follows candle by candle."""

import asyncio
import os
from collections.abc import Sequence
from typing import Final

from clients.clock import steady_ms, wall_ms
from clients.kafka.followed_symbols import FollowedSymbols
from clients.retry import persistently
from clients.watching.log import EventLog
from producers.history.archive_plan import Choice
from producers.history.backfill import Backfill, Progress, Wanted, alone, running
from producers.history.corrections import Recheck
from producers.history.cross_check import CrossChecks
from schemas.errors import Transient
from schemas.settings import Settings
from schemas.since import since_ms
from schemas.timeframe import MINUTE_MS, Interval, parse_interval

_log = EventLog(__name__)
AFTER_CLOSE_MS: Final = 3_000
PAUSE_S: Final = 5.0
PACE: Final = 15_000  # candles a second: live candles share the path to the store
TRACKS: Final = 2
NICENESS: Final = 10  # processes of live candles go first
SMALL: Final = 500  # fewer new candles are not recorded: the next start reads them back
RECENT_MS: Final = 30 * 3_600_000  # enough for predictions to leave the status cold


async def keep_history(settings: Settings) -> None:
    """Fetch missing candles, follow each new one and check the last hours, until cancelled.

    Raises:
        ConfigurationError: A symbol is unknown, or Kafka or a topic is missing.
    """
    progress = Progress()
    followed = FollowedSymbols(settings, name="candlewick-backfill-symbols")
    followed.watch()
    async with running(settings, pace=PACE) as backfill:
        backfill.tracks_at_a_time = TRACKS
        recheck = Recheck(backfill, settings, followed)
        checks = CrossChecks(backfill)
        recent: set[str] = set()
        while True:
            try:
                async with alone(settings, progress):
                    if new := [s for s in followed.traded if s not in recent]:
                        await _fill_recent(backfill, settings, progress, new)
                        if not recent:
                            os.nice(NICENESS)
                        recent.update(new)
                    await _pass(backfill, settings, progress, followed)
                    await recheck.when_due(steady_ms())
                    await checks.when_due(followed.traded, steady_ms())
                pause_s = await _to_next_minute_s(backfill)
            except Transient as error:
                _log.warning("backfill_retried", "{error}", error=error)
                pause_s = PAUSE_S
            await asyncio.sleep(pause_s)


async def _fill_recent(
    backfill: Backfill, settings: Settings, progress: Progress, symbols: Sequence[str]
) -> None:
    """Fetch the newest hours of new symbols first, because predictions wait for them."""
    if Interval.ONE_MINUTE.value not in settings.backfill.intervals:
        return
    now_ms = await persistently(backfill.rest.server_ms)
    since = since_ms(settings.backfill.since, now_ms=now_ms)
    wanted = Wanted(
        symbols=tuple(symbols),
        intervals=(Interval.ONE_MINUTE,),
        start_ms=max(since, now_ms - RECENT_MS),
        end_ms=None,
        choice=Choice.REST,
        continues=True,
    )
    await _fill(backfill, wanted, progress)


async def _pass(
    backfill: Backfill, settings: Settings, progress: Progress, followed: FollowedSymbols
) -> None:
    book = followed.book
    now_ms = await persistently(backfill.rest.server_ms)
    wanted = Wanted(
        symbols=tuple(filter(book.is_listed, book.names)),
        intervals=tuple(parse_interval(name) for name in settings.backfill.intervals),
        start_ms=since_ms(settings.backfill.since, now_ms=now_ms),
        end_ms=None,
        choice=Choice.AUTO,
        continues=True,
        ended_ms={s: ms for s in book.names if (ms := book.ended_ms(s)) and ms > 0},
    )
    await _fill(backfill, wanted, progress)


async def _fill(backfill: Backfill, wanted: Wanted, progress: Progress) -> None:
    started_ms = wall_ms()
    await backfill.run(wanted, progress, least_rows=SMALL)
    rows = sum(track.rows for track in progress.tracks)
    missing = sum(track.missing_rows for track in progress.tracks)
    _log.info(
        "backfill_round_done",
        "{candles} candles in {took_ms} ms, {missing} still missing",
        candles=rows,
        took_ms=wall_ms() - started_ms,
        missing=missing,
    )


async def _to_next_minute_s(backfill: Backfill) -> float:
    now_ms = await persistently(backfill.rest.server_ms)
    return (MINUTE_MS - now_ms % MINUTE_MS + AFTER_CLOSE_MS) / 1000
