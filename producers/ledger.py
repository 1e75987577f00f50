"""What Kafka holds of the past, read back from Kafka itself: nothing else is trusted.

`market.history.v1` says for each symbol and interval what is held up to an offset of
`market.klines.v1`; whatever came after that offset is read. So a process killed anywhere goes on
behind the last candle that reached Kafka.
"""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from producers.clock import steady_ms
from producers.partition import partition_of
from producers.spans import Spans
from schemas import topics
from schemas.codecs import decode
from schemas.errors import ConfigurationError, PoisonMessage
from schemas.history import ArchiveFile, History
from schemas.market import Candle, CandleSource
from schemas.topics import Topic

log = logging.getLogger(__name__)
TIMEOUT_S: Final = 20.0
WAIT_S: Final = 0.05
SETTLED: Final = frozenset(
    {CandleSource.REST, CandleSource.ARCHIVE_DAILY, CandleSource.ARCHIVE_MONTHLY}
)
Key = tuple[str, str]


@dataclass(slots=True)
class Held:
    """What is known of one symbol and interval.

    Attributes:
        held: Candles that Kafka has from REST or archives.
        absent: Candles that the exchange itself does not have.
        partition: Where the candles are.
        next_offset: All records of the partition before it are in ``held``.
        is_recorded: Whether Kafka has a record of it.
    """

    symbol: str
    interval: str
    partition: int
    next_offset: int
    held: Spans
    absent: Spans
    is_recorded: bool = False

    def record(self, now_ms: int) -> History:
        """Return the record to write down."""
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
    """Reads the truth at the start, and what has been added at each `refresh`."""

    def __init__(self, bootstrap_servers: str) -> None:
        self._servers = bootstrap_servers
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap_servers,
                "group.id": "candlewick-backfill",  # required by the client; nothing is committed
                "client.id": "candlewick-backfill",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "auto.offset.reset": "earliest",
                "fetch.queue.backoff.ms": 5,
                "fetch.wait.max.ms": 20,  # a question waits behind the fetch that is under way
                "queued.max.messages.kbytes": 16_384,
            },
            logger=log,
        )
        self._positions: dict[tuple[str, int], int] = {}
        self.archives: dict[str, ArchiveFile] = {}
        self.known: dict[Key, Held] = {}

    def close(self) -> None:
        """Close the connection."""
        self._consumer.close()

    def refresh(self, keys: Iterable[Key]) -> dict[Key, Held]:
        """Return what is held of each symbol and interval.

        Raises:
            ConfigurationError: Kafka does not answer, or a topic does not exist.
        """
        wanted = list(keys)
        try:
            self._read_records()
            self._read_candles(wanted)
        except KafkaException as error:
            raise ConfigurationError(
                f"Kafka at {self._servers} does not answer: start it with `candlewick up`, or set "
                "CANDLEWICK_KAFKA__BOOTSTRAP_SERVERS"
            ) from error
        return {key: self.known[key] for key in wanted}

    def passed(self, partition: int, next_offset: int) -> None:
        """Take note that the candles before an offset are known, as this process wrote them."""
        place = (topics.KLINES.name, partition)
        self._positions[place] = max(self._positions.get(place, 0), next_offset)

    def _read_records(self) -> None:
        for message in self._new(topics.HISTORY, self._spans(topics.HISTORY)):
            try:
                found = decode(History, message.value() or b"")
            except PoisonMessage as error:
                log.warning("skipped a record of the history: %s", error)
                continue
            self._take(found)
        for message in self._new(topics.ARCHIVES, self._spans(topics.ARCHIVES)):
            file = decode(ArchiveFile, message.value() or b"")
            self.archives[file.name] = file

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
            )

    def _read_candles(self, wanted: list[Key]) -> None:
        spans = self._spans(topics.KLINES)
        for key in wanted:
            partition = partition_of(key[0], len(spans))
            low, high = spans[partition]
            known = self.known.get(key)
            moved = known is not None and (known.partition != partition or known.next_offset > high)
            if moved:
                log.warning("%s %s: the topic was made anew; starting over", *key)
            if known is None or moved:
                # Before its first record nothing of a key is written.
                offset = low if moved else high
                self.known[key] = Held(*key, partition, offset, Spans(), Spans())
        starts = dict(spans)
        for number, (low, high) in spans.items():
            offsets = [h.next_offset for k in wanted if (h := self.known[k]).partition == number]
            first = max(
                self._positions.get((topics.KLINES.name, number), low), min(offsets, default=high)
            )
            self._positions[topics.KLINES.name, number] = min(first, high)
            starts[number] = (low, high)
        for message in self._new(topics.KLINES, starts):
            self._add(message)
        for key in wanted:
            known = self.known[key]
            known.next_offset = max(known.next_offset, spans[known.partition][1])

    def _add(self, message: Message) -> None:
        try:
            candle = decode(Candle, message.value() or b"")
        except PoisonMessage as error:
            log.warning("skipped a candle: %s", error)
            return
        known = self.known.get((candle.symbol, candle.interval))
        if known is not None and candle.source in SETTLED:
            known.held = known.held.with_run(candle.open_ms, candle.close_ms)

    def _spans(self, topic: Topic) -> dict[int, tuple[int, int]]:
        found = self._consumer.list_topics(topic.name, timeout=TIMEOUT_S).topics[topic.name]
        if found.error is not None:
            raise ConfigurationError(
                f"topic {topic.name} does not exist at {self._servers}: create the topics with "
                "`candlewick topics create`"
            )
        spans = {}
        for number in sorted(found.partitions):
            place = TopicPartition(topic.name, number)
            span = self._consumer.get_watermark_offsets(place, timeout=TIMEOUT_S)
            if span is None:
                raise KafkaException(KafkaError(KafkaError._TIMED_OUT))  # noqa: SLF001 - their name
            spans[number] = span
        return spans

    def _new(self, topic: Topic, spans: dict[int, tuple[int, int]]) -> Iterator[Message]:
        starts = {
            number: max(low, self._positions.get((topic.name, number), low))
            for number, (low, high) in spans.items()
        }
        reading = {n for n, start in starts.items() if start < spans[n][1]}
        self._consumer.assign([TopicPartition(topic.name, n, starts[n]) for n in reading])
        heard_ms = steady_ms()
        while reading:
            messages = self._consumer.consume(2000, timeout=WAIT_S)
            if messages:
                heard_ms = steady_ms()
            elif steady_ms() - heard_ms > TIMEOUT_S * 1000:
                raise KafkaException(KafkaError(KafkaError._TIMED_OUT))  # noqa: SLF001 - their name
            for message in messages:
                error, number = message.error(), message.partition() or 0
                if error is None:
                    yield message
                    if (message.offset() or 0) + 1 >= spans[number][1]:
                        reading.discard(number)
                elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - their name for it
                    reading.discard(number)
                else:
                    raise KafkaException(error)
        self._consumer.unassign()
        for number, (_, high) in spans.items():
            self._positions[topic.name, number] = max(high, starts[number])
