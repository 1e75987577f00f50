"""Publisher of candles from archive files; a file is checked as a whole before any is sent."""

from collections.abc import Awaitable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import IO, Final

import numpy as np

from clients.clock import wall_ms
from clients.retry import persistently
from clients.watching.log import EventLog
from producers.binance.archive import ArchiveClient, archived_candles
from producers.binance.archive_names import TRADES, Archive, named
from producers.binance.kline_csv import KlineFile, SetApart
from producers.history.archive_plan import Choice, days_of
from producers.history.irregular import irregular_row, off_grid
from producers.history.page_writer import HeldPages
from producers.history.progress import SeriesProgress
from producers.history.time_ranges import Spans
from schemas.candle_columns import CandleColumns, encode_candles
from schemas.errors import PoisonMessage
from schemas.history import ArchiveFile, ArchiveState, IrregularRow
from schemas.market import FIRST_REVISION

_log = EventLog(__name__)
COME_AGAIN: Final = FIRST_REVISION + 1
PAGE_ROWS: Final = 8_000  # a few large pages cost Kafka's client less work than many small ones


@dataclass(frozen=True, slots=True)
class Part:
    """Some candles of a file: their opening times and their encoded messages."""

    opens: list[int]
    values: list[bytes]


@dataclass(frozen=True, slots=True)
class Content:
    """What a file has: its candles, in parts, and the rows that cannot be one."""

    parts: list[Part]
    irregular: list[IrregularRow]


@dataclass(frozen=True, slots=True)
class FileFiller:
    """Fills the gaps of tracks from archive files."""

    archives: ArchiveClient
    pages: HeldPages
    choice: Choice = Choice.AUTO

    async def take(self, track: SeriesProgress, file: Archive, *, now_ms: int) -> None:
        """Publish the candles of a file that a track misses.

        Daily files replace a month that is not there, cannot be read, or lacks whole days.

        Raises:
            Transient: The archive or Kafka did not answer for a long time.
        """
        await self.pages.settle(track)
        missing = track.missing.within(file.open_ms, file.close_ms)
        if not missing:
            return
        sha256 = await self._checksum(file)
        if sha256 is not None:
            await self._use(track, file, sha256, ArchiveState.USED)
        if file.days > 1:
            for day in days_of(file, track.missing, self.choice, now_ms=now_ms):
                await self.take(track, day, now_ms=now_ms)

    async def look_again(self, track: SeriesProgress) -> None:
        """Read files again if their checksum has changed since they were used.

        Raises:
            Transient: As `take`.
        """
        key = (track.symbol, track.interval.value)
        for about in list(self.pages.ledger.archives.values()):
            if (about.symbol, about.interval) != key or about.state == ArchiveState.REFUSED:
                continue
            if TRADES in about.name:
                continue
            try:
                file = named(about.name, track.symbol, track.interval)
            except ValueError as error:  # the topic may contain any name
                _log.warning(
                    "archive_not_checked", "a file is not checked again: {error}", error=error
                )
                continue
            sha256 = await self._checksum(file)
            if sha256 is None or sha256 == about.sha256:
                continue
            if await self._use(track, file, sha256, ArchiveState.REISSUED):
                track.notes.append(f"{about.name} was re-issued and has been read again")
            else:
                track.notes.append(f"{about.name} was re-issued: check the archives again later")

    async def _checksum(self, file: Archive) -> str | None:
        return await persistently(lambda: self.archives.checksum(file))

    async def _use(
        self, track: SeriesProgress, file: Archive, sha256: str, state: ArchiveState
    ) -> bool:
        """Publish a file's candles; False if it cannot be read."""
        try:
            content = await self._content(track, file, sha256, state)
        except PoisonMessage as error:
            _log.warning("archive_refused", "{error}", error=error)
            track.notes.append(str(error))
            if state is not ArchiveState.REISSUED:  # else the old one still counts
                refused = ArchiveState.REFUSED
                await self._tell(track, file, sha256, rows=0, state=refused, reason=str(error))
            return False
        await self.pages.keep_aside(track, content.irregular)
        for page in _pages(content.parts):
            await self.pages.publish(track, page.opens, page.values)
        await self.pages.settle(track)
        rows = sum(len(part.opens) for part in content.parts)
        reason = f"{len(content.irregular)} irregular rows left out" if content.irregular else ""
        await self._tell(track, file, sha256, rows=rows, state=state, reason=reason)
        track.from_files = track.from_files.with_run(file.open_ms, file.close_ms)
        return True

    async def _content(
        self, track: SeriesProgress, file: Archive, sha256: str, state: ArchiveState
    ) -> Content:
        about = KlineFile(
            track.symbol, track.interval, file.source.value, file.open_ms, file.close_ms
        )
        missing, now_ms = track.missing, wall_ms()

        def use(held: IO[bytes]) -> Content:
            apart: list[SetApart] = []
            read = archived_candles(held, about, apart.append)
            if state is ArchiveState.REISSUED:
                parts = [_part(stamped(columns, now_ms)) for columns in read]
            else:
                parts = [_part(_only(columns, missing)) for columns in read]
            return Content(parts, [_irregular(row, track, file, now_ms) for row in apart])

        def ask() -> Awaitable[Content]:
            return self.archives.read(file, sha256, use)

        return await persistently(ask)

    async def _tell(
        self,
        track: SeriesProgress,
        file: Archive,
        sha256: str,
        *,
        rows: int,
        state: ArchiveState,
        reason: str = "",
    ) -> None:
        about = ArchiveFile(
            name=file.name,
            symbol=track.symbol,
            interval=track.interval.value,
            source=file.source.value,
            open_ms=file.open_ms,
            close_ms=file.close_ms,
            sha256=sha256,
            rows=rows,
            state=state.value,
            changed_ms=wall_ms(),
            reason=reason,
        )
        await self.pages.tell_archive(about)


def _irregular(row: SetApart, track: SeriesProgress, file: Archive, now_ms: int) -> IrregularRow:
    interval = track.interval
    return irregular_row(
        (track.symbol, interval),
        file.source,
        file.name,
        open_ms=row.open_ms,
        row=row.row,
        reason=off_grid(row.open_ms, interval)
        if interval.open_of(row.open_ms) != row.open_ms
        else row.reason,
        now_ms=now_ms,
    )


def _pages(parts: Iterable[Part]) -> Iterator[Part]:
    page = Part([], [])
    for part in parts:
        page.opens.extend(part.opens)
        page.values.extend(part.values)
        if len(page.opens) >= PAGE_ROWS:
            yield page
            page = Part([], [])
    yield page


def _part(columns: CandleColumns) -> Part:
    return Part(columns.open_ms.tolist(), encode_candles(columns))


def _only(columns: CandleColumns, missing: Spans) -> CandleColumns:
    wanted = np.zeros(len(columns), np.bool_)
    for start, end in missing:
        wanted |= (columns.open_ms >= start) & (columns.open_ms < end)
    return columns if wanted.all() else columns.select(wanted)


def stamped(columns: CandleColumns, now_ms: int) -> CandleColumns:
    """Return candles that came before and come again.

    Of two rows from one source the store keeps the one with the later event time, and the earlier
    one aside if the other is no first revision.
    """
    event_ms = np.full(len(columns), now_ms, np.int64)
    return replace(columns, event_ms=event_ms, revision=COME_AGAIN)
