"""Inventory of the candles that Kafka has, read from Kafka itself and nowhere else.

`market.history.v1` lists for each symbol and interval the candles up to an offset of
`market.klines.v1`; records after that offset are read. So a process killed at any point continues
after the last candle that reached Kafka.
"""

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from clients.kafka.partition import partition_of
from clients.kafka.reader import TopicReader
from clients.kafka.records import Message
from clients.watching.log import EventLog
from producers.dead_letters import Burial
from producers.history.time_ranges import Run, Spans
from schemas import topics
from schemas.codecs import record_in
from schemas.errors import PoisonMessage
from schemas.history import ArchiveFile, History, Hole
from schemas.market import TRUST, Candle, CandleSource
from schemas.settings import KafkaSettings

_log = EventLog(__name__)
SETTLED: Final = frozenset(TRUST) - {CandleSource.STREAM}  # what need not be fetched any more
Key = tuple[str, str]


@dataclass(slots=True)
class Held:
    """The candles of one symbol and interval that Kafka has, and those that do not exist.

    Attributes:
        partition: Partition of the klines topic with the candles.
        next_offset: All records of the partition before this offset are counted in ``held``.
        held: Candles that Kafka has from REST or archives.
        absent: Candles that the exchange itself does not have.
        recorded_offset: The ``next_offset`` of the newest `History` record.
        is_recorded: Whether Kafka has a `History` record of this symbol and interval.
    """

    symbol: str
    interval: str
    partition: int
    next_offset: int
    held: Spans
    absent: Spans
    is_recorded: bool = False
    recorded_offset: int = 0

    def record(self, now_ms: int) -> History:
        """Convert to the record of `market.history.v1`."""
        return History(
            symbol=self.symbol,
            interval=self.interval,
            held=self.held.flat(),
            absent=self.absent.flat(),
            partition=self.partition,
            next_offset=self.next_offset,
            changed_ms=now_ms,
        )


class Ledger:
    """The inventory of all symbols and intervals; each `refresh` reads the newest records."""

    def __init__(self, kafka: KafkaSettings) -> None:
        self._reader = TopicReader(kafka, "candlewick-backfill")
        self._burial = Burial(kafka, reader="backfill")
        self.archives: dict[str, ArchiveFile] = {}
        self.known: dict[Key, Held] = {}
        self.holes: dict[Key, dict[Run, Hole]] = {}
        self._followed: set[Key] = set()
        self.partitions = 0

    def close(self) -> None:
        """Close the connection to Kafka."""
        self._reader.close()

    def refresh(self, keys: Iterable[Key]) -> dict[Key, Held]:
        """Read new records, and return the candles held of each symbol and interval.

        Raises:
            ConfigurationError: Kafka does not answer, or a topic does not exist.
            Transient: Kafka does not accept the dead letter of an unusable record.
        """
        wanted = list(keys)
        self._read_records()
        self._read_candles(wanted)
        return {key: self.known[key] for key in wanted}

    def newest_candles(self, depth: int) -> Iterator[Candle]:
        """Yield the readable candles among the last ``depth`` records of each partition."""
        for message in self._reader.newest(topics.KLINES, depth):
            with contextlib.suppress(PoisonMessage):  # buried as the inventory meets it
                yield record_in(Candle, message)

    def passed(self, partition: int, next_offset: int) -> None:
        """Skip the candles before an offset, because this process wrote them."""
        self._reader.passed(topics.KLINES, partition, next_offset)

    def know_hole(self, hole: Hole) -> None:
        """Add a hole to those that are known."""
        of_series = self.holes.setdefault((hole.symbol, hole.interval), {})
        of_series[hole.open_ms, hole.close_ms] = hole

    def _read_records(self) -> None:
        for message in self._reader.new(topics.HISTORY):
            try:
                self._take(record_in(History, message))
            except PoisonMessage as error:
                self._burial.bury(error, message)
        for message in self._reader.new(topics.ARCHIVES):
            try:
                file = record_in(ArchiveFile, message)
            except PoisonMessage as error:
                self._burial.bury(error, message)
            else:
                self.archives[file.name] = file
        for message in self._reader.new(topics.HOLES):
            try:
                self.know_hole(record_in(Hole, message))
            except PoisonMessage as error:
                self._burial.bury(error, message)

    def _take(self, found: History) -> None:
        key = (found.symbol, found.interval)
        known = self.known.get(key)
        if known is None or found.next_offset >= known.next_offset:
            self.known[key] = Held(
                symbol=found.symbol,
                interval=found.interval,
                partition=found.partition,
                next_offset=found.next_offset,
                held=Spans.unflattened(found.held),
                absent=Spans.unflattened(found.absent),
                is_recorded=True,
                recorded_offset=found.next_offset,
            )

    def _read_candles(self, wanted: list[Key]) -> None:
        spans = self._reader.spans(topics.KLINES)
        self.partitions = len(spans)
        for key in wanted:
            self._begin(key, spans)
        for key in set(wanted) - self._followed:
            # What was read before it was wanted was read from where other keys begin.
            self._reader.rewind(
                topics.KLINES, self.known[key].partition, self.known[key].next_offset
            )
        self._followed.update(wanted)
        starts = {
            number: min(
                (h.next_offset for k in wanted if (h := self.known[k]).partition == number),
                default=high,
            )
            for number, (_, high) in spans.items()
        }
        for message in self._reader.new(topics.KLINES, starts):
            self._add(message)
        for key in wanted:
            known = self.known[key]
            known.next_offset = max(known.next_offset, spans[known.partition][1])

    def _begin(self, key: Key, spans: dict[int, tuple[int, int]]) -> None:
        partition = partition_of(key[0], len(spans))
        low, high = spans[partition]
        known = self.known.get(key)
        if known is None:
            # Without a `History` record, no candle of this key has been written.
            self.known[key] = Held(*key, partition, high, Spans(), Spans())
        elif known.partition != partition or known.next_offset > high:
            _log.warning(
                "topic_recreated",
                "{symbol} {interval}: the topic was recreated; starting over",
                symbol=key[0],
                interval=key[1],
            )
            self.known[key] = Held(*key, partition, low, Spans(), Spans())

    def _add(self, message: Message) -> None:
        try:
            candle = record_in(Candle, message)
        except PoisonMessage as error:
            self._burial.bury(error, message)
            return
        known = self.known.get((candle.symbol, candle.interval))
        if known is not None and candle.source in SETTLED:
            known.held = known.held.with_run(candle.open_ms, candle.close_ms)
