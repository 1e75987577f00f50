"""Fetching of missing candles: from archive files, then REST; absent ones are proven."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from clients.clock import wall_ms
from clients.retry import persistently
from producers.binance.archive_names import Archive
from producers.binance.rest import PAGE, RestClient
from producers.history.archive_fetch import FileFiller
from producers.history.archive_plan import Choice, files_for
from producers.history.hole_proof import irregular_hole, prove
from producers.history.inventory import Key
from producers.history.irregular import UNKNOWN_MS, Page, page_of, places_of, told_of
from producers.history.page_writer import HeldPages
from producers.history.progress import SeriesProgress
from producers.history.time_ranges import Run, Spans, runs_of
from schemas.codecs import encode
from schemas.history import Hole, HoleKind
from schemas.market import Candle
from schemas.timeframe import HOUR_MS, Interval

if TYPE_CHECKING:
    from schemas.errors import PoisonMessage

Place = tuple[str, str, int]


@dataclass(slots=True)
class Filler:
    """Fetches the missing candles of tracks.

    Attributes:
        now_ms: The exchange's clock at the start; candles that close later are for the next run.
        recent_ms: Age up to which candles by REST are remembered, as they may be corrected.
        least_rows: New rows from which a track's history is recorded at its end.
        recent: Those that were published from REST.
        unproven: Candles requested in vain and without a proof, by symbol and interval.
    """

    rest: RestClient
    files: FileFiller
    pages: HeldPages
    choice: Choice
    now_ms: int
    recent_ms: int
    least_rows: int = 1
    unproven: dict[Key, Spans] = field(default_factory=dict)
    recent: dict[Place, Candle] = field(default_factory=dict)

    async def fill(self, track: SeriesProgress) -> None:
        """Fetch the missing candles of a track, and record the candles that Kafka then has.

        Raises:
            Transient: The exchange or Kafka did not answer for long; fetched candles are kept.
            ConfigurationError: A topic is missing.
        """
        if not track.missing:
            return
        await self.pages.begin(track)
        try:
            await self._take_files(track)
            if self.choice is not Choice.ARCHIVE:
                for run in track.missing:
                    await self._take_rest(track, run)
        finally:
            await self.pages.finish(track, least_rows=self.least_rows)
            if track.mended:
                what = f"{track.mended:,} candles that archive files lack or have wrong"
                track.notes.append(f"{what} came by REST")
        if track.missing and self.choice is Choice.ARCHIVE:
            track.notes.append("no archive file has it yet")

    async def _take_files(self, track: SeriesProgress) -> None:
        if self._files(track):
            await self._pass_unlisted(track)
        for file in self._files(track):
            await self.files.take(track, file, now_ms=self.now_ms)
        await self.pages.settle(track)

    def _files(self, track: SeriesProgress) -> list[Archive]:
        missing = track.missing
        return files_for(track.symbol, track.interval, missing, self.choice, now_ms=self.now_ms)

    async def _pass_unlisted(self, track: SeriesProgress) -> None:
        # Otherwise files of years before the listing would be requested one by one.
        start, end = track.missing.runs[0]
        page = await self._ask(track, start, end, limit=1)
        first_ms = track.interval.open_of(page.newest_ms)
        if page.newest_ms != UNKNOWN_MS and first_ms > start:
            await self._miss(track, (start, first_ms))

    async def _take_rest(self, track: SeriesProgress, run: Run) -> None:
        at_ms, end_ms = run
        old_ms = self.now_ms - HOUR_MS
        while at_ms < end_ms:
            # A candle is final once a newer one exists, so near the head one more is requested.
            asked_ms = end_ms if end_ms <= old_ms else end_ms + track.interval.ms
            page = await self._ask(track, at_ms, asked_ms)
            rows = page.candles
            final = [
                row
                for row in rows
                if row.close_ms <= end_ms
                and (row.open_ms < page.newest_ms or row.close_ms <= old_ms)
            ]
            until_ms = _known_until(page, final, (at_ms, end_ms), old_ms, track.interval)
            await self.pages.keep_aside(track, page.irregular)
            opens = [row.open_ms for row in final]
            for hole in Spans.of([(at_ms, until_ms)]) - runs_of(opens, track.interval.ms):
                await self._miss(track, hole)
            if final:
                await self.pages.publish(track, opens, [encode(row) for row in final])
                since_ms = self.now_ms - self.recent_ms
                self.recent |= {place_of(row): row for row in final if row.open_ms >= since_ms}
                track.mended += sum(map(track.from_files.holds, opens))
            if until_ms <= at_ms:
                if not page.rows and await self._has_ended(track, (at_ms, end_ms)):
                    return
                track.notes.append("the exchange does not have the newest candle yet")
                return
            at_ms = until_ms

    async def _ask(
        self, track: SeriesProgress, start_ms: int, end_ms: int, *, limit: int = PAGE
    ) -> Page:
        async def ask() -> Page:
            refused: list[PoisonMessage] = []
            found = await self.rest.candles_between(
                track.symbol,
                track.interval,
                start_ms,
                end_ms,
                limit=limit,
                refuse=refused.append,
            )
            series = (track.symbol, track.interval)
            return page_of(found, refused, series, (start_ms, end_ms), now_ms=wall_ms())

        return await persistently(ask)

    async def _miss(self, track: SeriesProgress, run: Run) -> None:
        places = places_of(track.irregular, track.interval)
        for part in Spans.of([run]) - places:
            await self._explain(track, part)
        for part in places.within(*run):
            reason = told_of(track.irregular, part, track.interval)
            await self._tell(
                track,
                irregular_hole(
                    track.symbol, track.interval.value, part, reason=reason, now_ms=wall_ms()
                ),
            )

    async def _explain(self, track: SeriesProgress, run: Run) -> None:
        hole = await self._proven(track, run)
        if hole.kind == HoleKind.UNPROVEN and hole.before_ms >= run[0]:
            # Only the candles from the first to the last trade in it have no explanation.
            for part in await self._around_trades(track, run, hole.before_ms):
                await self._tell(track, await self._proven(track, part))
        else:
            await self._tell(track, hole)

    async def _around_trades(self, track: SeriesProgress, run: Run, last_ms: int) -> list[Run]:
        first = await persistently(lambda: self.rest.first_trade_since(track.symbol, run[0]))
        first_ms = last_ms if first is None else min(first.event_ms, last_ms)
        start_ms = max(track.interval.open_of(first_ms), run[0])
        end_ms = min(track.interval.open_of(last_ms) + track.interval.ms, run[1])
        parts = [(run[0], start_ms), (start_ms, end_ms), (end_ms, run[1])]
        return [part for part in parts if part[0] < part[1]]

    async def _proven(self, track: SeriesProgress, run: Run) -> Hole:
        return await prove(self.rest, track.symbol, track.interval.value, run, now_ms=wall_ms())

    async def _has_ended(self, track: SeriesProgress, run: Run) -> bool:
        """Check whether nothing is traded any more, and if so, tell it as a hole."""
        hole = await self._proven(track, run)
        if hole.kind == HoleKind.ENDED:
            await self._tell(track, hole)
        return hole.kind == HoleKind.ENDED

    async def _tell(self, track: SeriesProgress, hole: Hole) -> None:
        run = (hole.open_ms, hole.close_ms)
        await self.pages.tell_hole(track, hole)
        if hole.kind == HoleKind.UNPROVEN:
            track.notes.append(f"the exchange has no candle: {hole.reason}")
            track.unproven = track.unproven.with_run(*run)
            self.unproven[track.symbol, track.interval.value] = track.unproven
        else:
            track.held.absent = track.held.absent.with_run(*run)


def _known_until(page: Page, final: list[Candle], run: Run, old_ms: int, interval: Interval) -> int:
    """Return the time up to which an answer shows every candle that exists."""
    at_ms, end_ms = run
    if len(page.candles) > len(final):
        return min(page.candles[len(final)].open_ms, end_ms)
    if page.rows < PAGE and end_ms <= old_ms:
        return end_ms
    if page.rows >= PAGE and page.newest_ms == UNKNOWN_MS:
        # Not one row has a time: what a full answer of candles would have reached is passed over.
        return min(at_ms + PAGE * interval.ms, end_ms)
    seen_ms = interval.open_of(page.newest_ms) + interval.ms if page.rows >= PAGE else at_ms
    return max(seen_ms, final[-1].close_ms if final else at_ms)


def place_of(candle: Candle) -> Place:
    """Return which candle of the market it is: symbol, interval and opening time."""
    return candle.symbol, candle.interval, candle.open_ms
