"""A backfill from start to end: it fetches missing candles, several tracks at a time."""

import asyncio
import fcntl
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from clients.http import open_http
from clients.retry import persistently
from clients.watching.log import EventLog
from producers.binance.archive import ArchiveClient
from producers.binance.rest import TIMEOUT_S, RestClient
from producers.bulk_publisher import BulkPublisher
from producers.history.archive_fetch import FileFiller
from producers.history.archive_plan import Choice
from producers.history.fetch import Filler, Place
from producers.history.inventory import Held, Key, Ledger
from producers.history.page_writer import HeldPages
from producers.history.progress import SeriesProgress
from producers.history.time_ranges import Spans
from schemas.errors import ConfigurationError, Transient
from schemas.history import CrossCheck
from schemas.market import Candle
from schemas.settings import Settings
from schemas.timeframe import HOUR_MS, Interval

_log = EventLog(__name__)
TRACKS_AT_A_TIME: Final = 4
CONNECTIONS: Final = 8
LOCK_POLL_S: Final = 0.2


@dataclass(frozen=True, slots=True)
class Wanted:
    """The candles that a backfill shall provide.

    Attributes:
        start_ms: Start of the time range.
        end_ms: End of the time range, exclusive; None for all closed candles.
        choice: Where candles are fetched from.
        checks_archives: Whether to check used files for a new checksum.
        continues: Whether to continue after the newest candle held, even before ``start_ms``.
        ended_ms: Time of the newest trade of symbols that are not traded any more.
    """

    symbols: tuple[str, ...]
    intervals: tuple[Interval, ...]
    start_ms: int
    end_ms: int | None
    choice: Choice
    checks_archives: bool = False
    continues: bool = False
    ended_ms: Mapping[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Progress:
    """Progress of a running backfill, for people to see.

    Attributes:
        checks: What came of comparing 15m candles with 1m candles.
        unchecked: Why they were not compared.
    """

    tracks: list[SeriesProgress] = field(default_factory=list)
    rest: RestClient | None = None
    started_s: float = field(default_factory=time.monotonic)
    says: str = "asking Kafka which candles it has"
    checks: list[CrossCheck] = field(default_factory=list)
    unchecked: str = ""


@dataclass(slots=True)
class Backfill:
    """A backfill with its clients, which are open inside `running`."""

    settings: Settings
    rest: RestClient
    archives: ArchiveClient
    publisher: BulkPublisher
    ledger: Ledger
    tracks_at_a_time: int = TRACKS_AT_A_TIME
    unproven: dict[Key, Spans] = field(default_factory=dict)
    recent: dict[Place, Candle] = field(default_factory=dict)

    @property
    def recent_ms(self) -> int:
        """Age up to which candles by REST are remembered: twice what is checked again."""
        return 2 * self.settings.backfill.check_hours * HOUR_MS

    async def run(self, wanted: Wanted, progress: Progress, *, least_rows: int = 1) -> None:
        """Fetch the missing candles; the tracks note those that could not be fetched.

        Raises:
            ConfigurationError: A symbol is unknown, or Kafka or a topic is missing.
            Transient: The exchange does not answer at all.
        """
        progress.rest = self.rest
        if self.rest.budget.limit is None:
            await persistently(lambda: self._learn_limits(wanted))
        now_ms = await persistently(self.rest.server_ms)
        keys = [(symbol, i.value) for i in wanted.intervals for symbol in wanted.symbols]
        held = await asyncio.to_thread(self.ledger.refresh, keys)
        filler = self._filler(wanted.choice, now_ms, least_rows)
        progress.tracks = [
            self._track(held[symbol, interval.value], interval, wanted, now_ms)
            for interval in wanted.intervals
            for symbol in wanted.symbols
        ]
        progress.says = ""
        await self._fill_all(filler, progress.tracks, wanted)

    async def _learn_limits(self, wanted: Wanted) -> None:
        if wanted.continues:  # a symbol that the exchange does not know must not stop the others
            await self.rest.symbols(wanted.symbols)
        else:
            await self.rest.learn_limits(wanted.symbols)

    def _filler(self, choice: Choice, now_ms: int, least_rows: int) -> Filler:
        pages = HeldPages(self.publisher, self.ledger)
        files = FileFiller(self.archives, pages, choice)
        return Filler(
            self.rest,
            files,
            pages,
            choice,
            now_ms,
            self.recent_ms,
            least_rows,
            unproven=self.unproven,
            recent=self.recent,
        )

    def _track(self, held: Held, interval: Interval, wanted: Wanted, now_ms: int) -> SeriesProgress:
        last_ms = now_ms if wanted.end_ms is None else min(wanted.end_ms, now_ms)
        if held.symbol in wanted.ended_ms:  # the candle of the newest trade is the last one
            last_ms = min(last_ms, interval.open_of(wanted.ended_ms[held.symbol]) + interval.ms)
        unproven = self.unproven.get((held.symbol, held.interval), Spans())
        start_ms = interval.open_of(wanted.start_ms + interval.ms - 1)
        if wanted.continues and held.held.end_ms is not None:
            start_ms = min(start_ms, held.held.end_ms)
        return SeriesProgress(
            held,
            interval,
            start_ms,
            interval.open_of(last_ms),
            unproven,
            known_holes=self.ledger.holes.setdefault((held.symbol, held.interval), {}),
        )

    async def _fill_all(self, filler: Filler, tracks: list[SeriesProgress], wanted: Wanted) -> None:
        turns = asyncio.Semaphore(self.tracks_at_a_time)

        async def fill(track: SeriesProgress) -> None:
            async with turns:
                try:
                    await filler.fill(track)
                    if wanted.checks_archives:
                        await filler.files.look_again(track)
                        await filler.pages.finish(track, least_rows=1)
                except Transient as error:
                    _log.warning(
                        "series_failed",
                        "{symbol} {interval}: {error}",
                        symbol=track.symbol,
                        interval=track.interval,
                        error=error,
                    )
                    track.notes.append(str(error))
                finally:
                    track.is_done = True

        try:
            async with asyncio.TaskGroup() as tasks:
                for track in tracks:
                    tasks.create_task(fill(track))
        except BaseExceptionGroup as group:
            found = group.subgroup(ConfigurationError)
            if found is None:
                raise
            raise _first(found) from group
        await filler.pages.catch_up(tracks)


@asynccontextmanager
async def running(settings: Settings, *, pace: int | None = None) -> AsyncIterator[Backfill]:
    """Open the clients of a backfill, and close them when the block ends.

    Args:
        settings: Addresses of Kafka, REST and the archive.
        pace: Most candles published a second; None for no limit.
    """
    ledger = Ledger(settings.kafka)
    try:
        async with (
            open_http(TIMEOUT_S, connections=CONNECTIONS) as http,
            BulkPublisher(settings.kafka, pace=pace).serving() as publisher,
        ):
            rest = RestClient(settings.binance.rest_url, http)
            archives = ArchiveClient(settings.binance.archive_url, http)
            yield Backfill(settings, rest, archives, publisher, ledger)
    finally:
        ledger.close()


@contextmanager
def _locked(path: Path) -> Iterator[bool]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


class Says(Protocol):
    """Something that says to people what holds it up."""

    says: str


@asynccontextmanager
async def alone(
    settings: Settings, progress: Says, *, lock: str = "backfill.lock"
) -> AsyncIterator[None]:
    """Wait for a lock of the data folder and hold it: two backfills would fetch the same."""
    path = Path(settings.data_dir) / lock
    while True:
        with _locked(path) as is_ours:
            if is_ours:
                yield
                return
        progress.says = "another backfill is running; waiting for it"
        await asyncio.sleep(LOCK_POLL_S)


def _first(group: BaseExceptionGroup[ConfigurationError]) -> BaseException:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
