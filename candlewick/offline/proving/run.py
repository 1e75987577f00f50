"""Own candles for the past: archives of trades, folded, and sent to the candles' topic.

A file counts as done once Kafka has acknowledged all of its candles. A process killed before
that reads the file again, and sends the same candles with the same revisions.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import IO, Final

from candlewick.offline.proving.folding import Chain, Folded, blocks_of_file, fold_file
from candlewick.offline.proving.keeping import TradeKeeper
from candlewick.offline.proving.plan import (
    KEPT,
    files_of,
    ground_of,
    proven_days,
    whole_days,
)
from candlewick.offline.proving.progress import ProofProgress, SymbolProof
from clients.clock import wall_ms
from clients.kafka.partition import partition_of
from clients.kafka.reader import TopicReader
from clients.retry import persistently
from clients.watching.log import EventLog
from producers.binance.archive import ArchiveClient
from producers.binance.archive_names import TRADES, Archive
from producers.binance.rest import RestClient
from producers.bulk_publisher import BulkPublisher
from producers.history.inventory import Ledger
from producers.history.time_ranges import Spans
from schemas import topics
from schemas.errors import ConfigurationError, PoisonMessage, Transient
from schemas.history import ArchiveFile, ArchiveState
from schemas.market import Trade
from schemas.replayed import REPLAYED
from schemas.settings import KafkaSettings
from schemas.timeframe import DAY_MS, Interval
from sinks.clickhouse import ClickHouse

_log = EventLog(__name__)
PAGE_ROWS: Final = 8_000
LARGEST_MONTH: Final = 256 << 20  # bytes on the disk; a larger month is read day by day
SYMBOLS_AT_A_TIME: Final = 3  # one is folded while the files of others are on their way


@dataclass(frozen=True, slots=True)
class WantedProof:
    """The days to prove.

    Attributes:
        end_ms: End of the time range, exclusive; None for now.
        store: Where to keep the trades; None to keep only candles.
        checks_archives: Whether to read files again whose checksum has changed.
    """

    symbols: tuple[str, ...]
    start_ms: int
    end_ms: int | None
    store: ClickHouse | None = None
    checks_archives: bool = False


@dataclass(slots=True)
class Proof:
    """Reads archives of trades into `market.candles.v1`."""

    archives: ArchiveClient
    rest: RestClient
    publisher: BulkPublisher
    ledger: Ledger
    wanted: WantedProof
    progress: ProofProgress
    kafka: KafkaSettings
    _partitions: int = 0
    _turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(SYMBOLS_AT_A_TIME))

    async def run(self) -> None:
        """Prove the days; each symbol notes what could not be.

        Raises:
            ConfigurationError: A symbol is unknown, Kafka or a topic is missing, or no whole day
                lies in the range.
            Transient: The exchange does not answer at all.
        """
        wanted = self.wanted
        await persistently(lambda: self.rest.learn_limits(wanted.symbols))
        now_ms = await persistently(self.rest.server_ms)
        await asyncio.to_thread(self.ledger.refresh, [])
        self._partitions = await asyncio.to_thread(self._count_partitions)
        end_ms = now_ms if wanted.end_ms is None else min(wanted.end_ms, now_ms)
        days = whole_days(wanted.start_ms, end_ms)
        if not days:
            raise ConfigurationError(
                "no whole day (UTC) that is over lies between --from and --to: --trades makes "
                "candles of whole days, so widen the range"
            )
        # All days are wanted until the exchange says which are listed: one that it does not say
        # anything about is missing.
        self.progress.symbols = [SymbolProof(symbol, days) for symbol in wanted.symbols]
        tasks = [
            asyncio.create_task(self._prove(symbol, days, now_ms))
            for symbol in self.progress.symbols
        ]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()

    def _count_partitions(self) -> int:
        with TopicReader(self.kafka, "candlewick-backfill") as reader:
            return len(reader.spans(topics.CANDLES))

    async def _prove(self, symbol: SymbolProof, days: Spans, now_ms: int) -> None:
        async with self._turns:
            try:
                symbol.wanted = await self._listed(symbol, days)
                symbol.proven = await self._known(symbol)
                symbol.begun = symbol.done_days
                await self.read(symbol, files_of(symbol.symbol, symbol.missing, now_ms=now_ms))
            except Transient as error:
                _log.warning("proof_failed", "{symbol}: {error}", symbol=symbol.symbol, error=error)
                symbol.note([str(error)])
            finally:
                symbol.file = ""

    async def _listed(self, symbol: SymbolProof, days: Spans) -> Spans:
        """Leave out the days before the first trade of all."""
        first = await persistently(lambda: self.rest.trades_from(symbol.symbol, 0))
        symbol.first_ms = first[0].event_ms if first else 0
        return days - Spans.of([(0, symbol.first_ms // DAY_MS * DAY_MS)])

    async def _known(self, symbol: SymbolProof) -> Spans:
        known = {f.name: f for f in self.ledger.archives.values() if f.symbol == symbol.symbol}
        if self.wanted.checks_archives:
            ours = [f for f in known.values() if TRADES in f.name and _touches(f, symbol)]
            anew = [about for about in ours if await self._is_anew(about)]
            symbol.note([f"{about.name} was re-issued and is read again" for about in anew])
            # The file behind one is read again too: by it its first candles were judged.
            ends = {about.close_ms for about in anew}
            known = {n: f for n, f in known.items() if f not in anew and f.open_ms not in ends}
        return proven_days(known.values(), symbol.symbol, kept=self.wanted.store is not None)

    async def _is_anew(self, about: ArchiveFile) -> bool:
        checksum = await persistently(partial(self.archives.checksum, _named(about)))
        return checksum not in (None, about.sha256)

    async def read(self, symbol: SymbolProof, files: Sequence[Archive]) -> None:
        """Send the candles of files; the days of a month replace one that cannot be used.

        Args:
            symbol: Whose files they are; it notes what was done.
            files: The oldest first.

        Raises:
            Transient: The exchange or Kafka did not answer for a long time.
        """
        waiting = list(reversed(files))
        chain: Chain | None = None
        while waiting:
            file = waiting.pop()
            symbol.file = file.name
            before = chain if chain is not None and chain.until_ms == file.open_ms else None
            found = await self._take(symbol, file, before)
            chain = None if found is None else found.chain
            if found is None and file.days > 1:
                waiting += reversed(file.by_days())

    async def _take(
        self, symbol: SymbolProof, file: Archive, before: Chain | None
    ) -> Folded | None:
        """Send the candles of a file; None if there is no such file, or none that can be used."""
        is_month = file.days > 1
        sha256 = await persistently(lambda: self.archives.checksum(file))
        if sha256 is not None and is_month:
            size = await persistently(lambda: self.archives.size(file))
            sha256 = sha256 if size is not None and size <= LARGEST_MONTH else None
        if sha256 is None:
            if not is_month:
                symbol.note([f"there is no {file.name} yet"])
            return None
        try:
            found = await self._folded(file, sha256, before)
        except PoisonMessage as error:
            symbol.note([str(error)] + (["its days are read one by one"] if is_month else []))
            await self._tell(file, sha256, ArchiveState.REFUSED, reason=str(error))
            return None
        await self._send(symbol.symbol, found.values)
        kept = KEPT if self.wanted.store is not None else ""
        known = self.ledger.archives.get(file.name)
        is_new = known is None or known.sha256 == sha256 or known.state == ArchiveState.REFUSED
        state = ArchiveState.USED if is_new else ArchiveState.REISSUED
        await self._tell(file, sha256, state, rows=found.trades, reason=kept)
        days = Spans.of([(file.open_ms, file.close_ms)])
        symbol.proven |= days
        symbol.read |= days
        symbol.trades += found.trades
        made = found.whole | found.lacking
        symbol.candles += sum(open_ms >= file.open_ms for _, open_ms in made)
        symbol.standing += sum(open_ms >= file.open_ms for _, open_ms in found.standing)
        symbol.gapped += len(found.lacking)
        symbol.note(found.told)
        return found

    async def _folded(self, file: Archive, sha256: str, before: Chain | None) -> Folded:
        loop, wanted = asyncio.get_running_loop(), self.wanted

        def ask_from(agg_id: int) -> Trade | None:
            asked = persistently(lambda: self.rest.trades_from(file.symbol, agg_id))
            return next(iter(asyncio.run_coroutine_threadsafe(asked, loop).result()), None)

        def use(held: IO[bytes]) -> Folded:
            ground = ground_of(file, sha256, self.ledger.archives.values())
            found = fold_file(held, file, before, ask_from, ground=ground)
            if wanted.store is not None:  # read twice: of a file that is refused nothing is kept
                keeper = TradeKeeper(wanted.store, f"{file.name} {sha256}")
                for placed in blocks_of_file(held, file):
                    keeper.keep(placed.block)
                keeper.flush()
            return found

        return await persistently(lambda: self.archives.read(file, sha256, use))

    async def _send(self, symbol: str, values: Sequence[bytes]) -> None:
        partition = partition_of(symbol, self._partitions)
        pages = [
            await self.publisher.page(
                topics.CANDLES,
                symbol,
                partition,
                values[start : start + PAGE_ROWS],
                extra_headers=[REPLAYED],
            )
            for start in range(0, len(values), PAGE_ROWS)
        ]
        await asyncio.gather(*pages)

    async def _tell(
        self, file: Archive, sha256: str, state: ArchiveState, *, rows: int = 0, reason: str = ""
    ) -> None:
        about = ArchiveFile(
            name=file.name,
            symbol=file.symbol,
            interval=Interval.ONE_MINUTE.value,
            source=file.source.value,
            open_ms=file.open_ms,
            close_ms=file.close_ms,
            sha256=sha256,
            rows=rows,
            state=state.value,
            changed_ms=wall_ms(),
            reason=reason,
        )
        self.ledger.archives[file.name] = about
        await self.publisher.record(topics.ARCHIVES, about)


def _touches(about: ArchiveFile, symbol: SymbolProof) -> bool:
    return bool(symbol.wanted.within(about.open_ms, about.close_ms))


def _named(about: ArchiveFile) -> Archive:
    (file,) = files_of(
        about.symbol, Spans.of([(about.open_ms, about.close_ms)]), now_ms=about.close_ms
    )
    return file
