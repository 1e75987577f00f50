"""Writer of pages of candles and, always after them, of the record of the candles held."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from clients.clock import wall_ms
from clients.kafka.errors import no_answer
from producers.bulk_publisher import CLOSE_S, BulkPublisher
from producers.history.inventory import Ledger
from producers.history.progress import SeriesProgress
from producers.history.time_ranges import runs_of
from schemas import topics
from schemas.errors import Transient
from schemas.history import ArchiveFile, Hole, IrregularRow

RECORD_ROWS: Final = 20_000  # most candles that are read back after a kill


@dataclass(frozen=True, slots=True)
class HeldPages:
    """Publishes the pages of tracks; a page counts as held once Kafka has acknowledged it."""

    publisher: BulkPublisher
    ledger: Ledger

    async def begin(self, track: SeriesProgress) -> None:
        """Record, before the first page of a track, the offset to read it from."""
        if not track.held.is_recorded:
            await self._record(track)

    async def publish(
        self, track: SeriesProgress, opens: list[int], values: Sequence[bytes]
    ) -> None:
        """Send a page after the previous one has arrived; raises as `BulkPublisher.page` does."""
        if not opens:
            return
        await self.settle(track)
        done = await self.publisher.page(topics.KLINES, track.symbol, track.held.partition, values)
        track.on_the_way = (done, runs_of(opens, track.interval.ms), len(opens))

    async def settle(self, track: SeriesProgress) -> None:
        """Wait for the page in flight, and count its candles as held."""
        if track.on_the_way is None:
            return
        done, covered, rows = track.on_the_way
        track.on_the_way = None
        next_offset = await done
        track.held.held = track.held.held | covered
        track.held.next_offset = max(track.held.next_offset, next_offset)
        self.ledger.passed(track.held.partition, next_offset)
        track.rows += rows
        track.newest_ms = (covered.end_ms or 0) - track.interval.ms
        track.unrecorded += rows
        if track.unrecorded >= RECORD_ROWS:
            await self._record(track)

    async def finish(self, track: SeriesProgress, *, least_rows: int) -> None:
        """Settle, and record the candles held if at least ``least_rows`` were added.

        Raises:
            Transient: Kafka does not answer; the next run reads the candles that have arrived.
        """
        try:
            async with asyncio.timeout(CLOSE_S):
                await self.settle(track)
                if track.unrecorded >= least_rows:
                    await self._record(track)
        except TimeoutError as error:
            raise Transient(f"{no_answer()}; candles that have arrived are not lost") from error

    async def catch_up(self, tracks: Sequence[SeriesProgress]) -> None:
        """Record that far more is known than was recorded, so that nobody reads it back.

        A track's own candles are counted as they arrive; what others of its partition have brought
        since is not of it.
        """
        newest: dict[int, int] = {}
        for held in (track.held for track in tracks):
            newest[held.partition] = max(newest.get(held.partition, 0), held.next_offset)
        for track in tracks:
            held = track.held
            held.next_offset = newest[held.partition]
            if held.is_recorded and held.next_offset - held.recorded_offset >= RECORD_ROWS:
                await self._record(track)

    async def tell_hole(self, track: SeriesProgress, hole: Hole) -> None:
        """Publish a hole, and add it to the track."""
        await self.publisher.record(topics.HOLES, hole)
        track.holes.append(hole)
        self.ledger.know_hole(hole)
        track.unrecorded += 1

    async def keep_aside(self, track: SeriesProgress, rows: Sequence[IrregularRow]) -> None:
        """Publish rows that cannot be candles, and add them to the track."""
        track.irregular += rows
        await asyncio.gather(*(self.publisher.record(topics.IRREGULAR_ROWS, row) for row in rows))

    async def tell_archive(self, file: ArchiveFile) -> None:
        """Publish the state of an archive file."""
        self.ledger.archives[file.name] = file
        await self.publisher.record(topics.ARCHIVES, file)

    async def _record(self, track: SeriesProgress) -> None:
        track.unrecorded = 0
        await self.publisher.record(topics.HISTORY, track.held.record(wall_ms()))
        track.held.is_recorded = True
        track.held.recorded_offset = track.held.next_offset
