"""Follows Kafka in a thread of its own and hands what comes to the event loop."""

import asyncio
import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from api.live.events import Event, Live, event_of, read_record
from api.live.kinds import KIND_OF_TOPIC, Kind
from api.live.position import Place, Position
from schemas.errors import ContractMismatch, PoisonMessage
from schemas.predictions import REPLAYED

LOG = logging.getLogger(__name__)
REMEMBERED = 300  # records of each partition that are read again at the start
PATIENCE_S = 5.0
POLL_S = 0.2
_TOGETHER_S = 0.02  # what comes within so much of the first goes to the subscribers in one piece
_POLL_MESSAGES = 2000
_AGAIN_S = 1.0


@dataclass(frozen=True, slots=True)
class Arrived:
    """A batch that came.

    Attributes:
        items: Event, its record, and whether it came while we listened.
        skipped: Records that could not be read.
        past: Those that tell nothing new: scores of the past that were made by a replay.
    """

    items: tuple[tuple[Event, Live, bool], ...]
    skipped: tuple[tuple[Place, int], ...]
    past: tuple[tuple[Place, int], ...] = ()

    def ends(self) -> Position:
        """Return the offsets after it."""
        read = [(event.place, event.offset) for event, _, _ in self.items]
        return {place: offset + 1 for place, offset in sorted([*read, *self.skipped, *self.past])}


@dataclass(slots=True)
class Tail:
    """The thread.

    Attributes:
        begin: Called in the loop with the first position, once.
        take: Called in the loop with each batch.
        trouble: Why nothing comes; None while all is well.
    """

    servers: str
    begin: Callable[[Position], None]
    take: Callable[[Arrived], None]
    trouble: str | None = "not connected yet"
    _position: Position = field(default_factory=dict)
    _ending: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to follow."""
        self._thread = threading.Thread(target=self._run, args=(loop,), name="tail", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._ending.set()
        if self._thread is not None:
            self._thread.join(PATIENCE_S)

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        while not self._ending.is_set():
            consumer = new_consumer(self.servers)
            try:
                self._follow(consumer, loop)
            except KafkaException as error:
                self.trouble = f"Kafka at {self.servers} does not answer: {error.args[0].str()}"
                self._ending.wait(_AGAIN_S)
            except ContractMismatch as error:
                self.trouble = str(error)
                LOG.error("the live stream ends: %s", error)  # noqa: TRY400 - it says all
                return
            finally:
                consumer.close()

    def _follow(self, consumer: Consumer, loop: asyncio.AbstractEventLoop) -> None:
        ends = _watermarks(consumer)
        if not self._position:
            self._position = {p: max(low, high - REMEMBERED) for p, (low, high) in ends.items()}
            loop.call_soon_threadsafe(self.begin, dict(self._position))
        starts = self._position.items()
        consumer.assign([TopicPartition(k.topic.name, p, at) for (k, p), at in starts])
        news = {place: high for place, (_, high) in ends.items()}
        self.trouble = None
        while not self._ending.is_set():
            messages = next_messages(consumer)
            if messages:
                arrived = read_messages(messages, news)
                loop.call_soon_threadsafe(self.take, arrived)
                self._position.update(arrived.ends())


def next_messages(consumer: Consumer) -> list[Message]:
    """Wait for a message, a fifth of a second at most; returns it with what comes just after."""
    # `consume` alone waits all its time, however soon the first message comes.
    first = consumer.poll(POLL_S)
    return [] if first is None else [first, *consumer.consume(_POLL_MESSAGES, _TOGETHER_S)]


def new_consumer(servers: str) -> Consumer:
    """Return a consumer that belongs to no group's offsets."""
    return Consumer(
        {
            "bootstrap.servers": servers,
            "group.id": "candlewick-api",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "fetch.queue.backoff.ms": 5,
            "fetch.wait.max.ms": 20,
            "queued.max.messages.kbytes": 4_096,
            "log_level": 0,
        }
    )


def read_messages(messages: Sequence[Message], news: Position) -> Arrived:
    """Return what messages hold.

    Raises:
        KafkaException: One is an error that does not pass by itself.
        ContractMismatch: One is of a contract that this version does not know.
    """
    items: list[tuple[Event, Live, bool]] = []
    skipped: list[tuple[Place, int]] = []
    past: list[tuple[Place, int]] = []
    for message in messages:
        if (error := message.error()) is not None:
            if not error.retriable():
                raise KafkaException(error)
            continue
        place = KIND_OF_TOPIC[message.topic() or ""], message.partition() or 0
        offset = message.offset() or 0
        if REPLAYED in (message.headers() or ()):
            past.append((place, offset))
            continue
        try:
            record = read_record(place[0], message)
        except PoisonMessage:
            skipped.append((place, offset))  # the sinks put it to the dead letters
            continue
        items.append((event_of(record, place, offset), record, offset >= news.get(place, 0)))
    return Arrived(tuple(items), tuple(skipped), tuple(past))


def _watermarks(consumer: Consumer) -> dict[Place, tuple[int, int]]:
    found: dict[Place, tuple[int, int]] = {}
    for kind in Kind:
        topic = consumer.list_topics(kind.topic.name, timeout=PATIENCE_S).topics[kind.topic.name]
        if topic.error is not None:
            raise KafkaException(topic.error)
        for partition in topic.partitions:
            place = TopicPartition(kind.topic.name, partition)
            low, high = consumer.get_watermark_offsets(place, timeout=PATIENCE_S)
            found[(kind, partition)] = low, high
    return found
