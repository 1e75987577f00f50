"""Fetching of missing candles: from archive files, then REST; absent ones are proven."""

from dataclasses import dataclass, field
from typing import Final

from clients.clock import wall_ms
from clients.retry import persistently
from producers.binance.archive_names import Archive
from producers.binance.rest import PAGE, RestClient
from producers.history.archive_fetch import FileFiller
from producers.history.archive_plan import Choice, files_for
from producers.history.hole_proof import prove
from producers.history.inventory import Key
from producers.history.page_writer import HeldPages
from producers.history.progress import SeriesProgress
from producers.history.time_ranges import Run, Spans, runs_of
from schemas.codecs import encode
from schemas.errors import Transient
from schemas.history import HoleKind
from schemas.market import Candle

HOUR_MS: Final = 3_600_000


@dataclass(slots=True)
class Filler:
    """Fetches the missing candles of tracks.

    Attributes:
        now_ms: The exchange's clock at the start; candles that close later are for the next run.
        least_rows: New rows from which a track's history is recorded at its end.
        unproven: Candles requested in vain and without a proof, by symbol and interval.
    """

    rest: RestClient
    files: FileFiller
    pages: HeldPages
    choice: Choice
    now_ms: int
    least_rows: int = 1
    unproven: dict[Key, Spans] = field(default_factory=dict)

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
        rows = await self._ask(track, start, end, limit=1)
        if rows and rows[0].open_ms > start:
            await self._miss(track, (start, rows[0].open_ms))

    async def _take_rest(self, track: SeriesProgress, run: Run) -> None:
        at_ms, end_ms = run
        old_ms = self.now_ms - HOUR_MS
        while at_ms < end_ms:
            # A candle is final once a newer one exists, so near the head one more is requested.
            asked_ms = end_ms if end_ms <= old_ms else end_ms + track.interval.ms
            rows = await self._ask(track, at_ms, asked_ms)
            final = [
                row
                for row in rows
                if row.close_ms <= end_ms and (row is not rows[-1] or row.close_ms <= old_ms)
            ]
            until_ms = _known_until(rows, final, (at_ms, end_ms), old_ms)
            opens = [row.open_ms for row in final]
            for hole in Spans.of([(at_ms, until_ms)]) - runs_of(opens, track.interval.ms):
                await self._miss(track, hole)
            if final:
                await self.pages.publish(track, opens, [encode(row) for row in final])
            if until_ms <= at_ms:
                track.notes.append("the exchange does not have the newest candle yet")
                return
            at_ms = until_ms

    async def _ask(
        self, track: SeriesProgress, start_ms: int, end_ms: int, *, limit: int = PAGE
    ) -> list[Candle]:
        async def ask() -> list[Candle]:
            found = await self.rest.candles_between(
                track.symbol, track.interval, start_ms, end_ms, limit=limit
            )
            _check(found, track, (start_ms, end_ms))
            return found

        return await persistently(ask)

    async def _miss(self, track: SeriesProgress, run: Run) -> None:
        hole = await prove(self.rest, track.symbol, track.interval.value, run, now_ms=wall_ms())
        await self.pages.tell_hole(track, hole)
        if hole.kind == HoleKind.UNPROVEN:
            track.notes.append(f"the exchange has no candle: {hole.reason}")
            track.unproven = track.unproven.with_run(*run)
            self.unproven[track.symbol, track.interval.value] = track.unproven
        else:
            track.held.absent = track.held.absent.with_run(*run)


def _known_until(rows: list[Candle], final: list[Candle], run: Run, old_ms: int) -> int:
    """Return the time up to which an answer shows every candle that exists."""
    at_ms, end_ms = run
    if len(rows) > len(final):
        return min(rows[len(final)].open_ms, end_ms)
    if len(rows) < PAGE and end_ms <= old_ms:
        return end_ms
    return final[-1].close_ms if final else at_ms


def _check(rows: list[Candle], track: SeriesProgress, run: Run) -> None:
    before_ms = run[0] - 1
    for row in rows:
        ordered = row.low_e8 <= min(row.open_e8, row.close_e8)
        ordered &= row.high_e8 >= max(row.open_e8, row.close_e8)
        in_place = before_ms < row.open_ms < run[1] and row.open_ms % track.interval.ms == 0
        if not (ordered and in_place):
            raise Transient(f"the exchange sent an impossible candle of {row.open_ms} ms")
        before_ms = row.open_ms
