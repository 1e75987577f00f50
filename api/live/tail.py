"""Follows Kafka in a thread of its own and passes messages to the event loop.

A thread that cannot continue ends the process, because the API would otherwise go on showing old
numbers as if they were new. Where one partition stands still, a new client goes on.
"""

import asyncio
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from confluent_kafka import Consumer, KafkaException, TopicPartition

from api.live.arrived import Arrived, read_messages
from api.live.consuming import PATIENCE_S, close, next_messages, tail_consumer
from api.live.kinds import Kind
from api.live.position import Place, Position
from clients.kafka.errors import meaning
from clients.kafka.group import GroupOffsets
from clients.kafka.group import Place as KafkaPlace
from clients.kafka.offsets import Span, spans_of
from clients.kafka.unread import Unread
from clients.process import Progress, leave
from clients.watching.log import EventLog
from schemas.errors import CandlewickError, RestartNeeded, Transient
from schemas.settings import KafkaSettings

_log = EventLog(__name__)
REMEMBERED = 300  # newest records of each partition that are read at the start
STALL_S: Final = 60.0  # more than all calls of one attempt to connect may take
SILENT_S: Final = 10.0  # a normal round takes a fifth of a second
_AGAIN_S = 1.0


@dataclass(slots=True)
class Tail:
    """The thread that follows Kafka.

    Attributes:
        kafka: Where the brokers are, and how to sign in.
        begin: Called once in the event loop with the first position.
        take: Called in the event loop with each batch.
        give_up: Called with the reason when the thread cannot continue.
        standing: Reason of each stopped partition: a record there needs a newer version.
    """

    kafka: KafkaSettings
    begin: Callable[[Position], None]
    take: Callable[[Arrived], None]
    give_up: Callable[[str], None] = leave
    standing: dict[Place, str] = field(default_factory=dict)
    _trouble: str | None = "not connected yet"
    _position: Position = field(default_factory=dict)
    _ending: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None
    _round_s: float = 0.0
    _progress: Progress = field(init=False)
    _unread: Unread = field(init=False)
    _stuck: str | None = None

    def __post_init__(self) -> None:
        """Set up the watchdogs: even without messages the thread makes attempts."""
        self._progress = Progress(STALL_S, give_up=self.give_up, part="stream")
        self._unread = Unread(GroupOffsets(self.kafka), self._read_to, give_up=self._open_again)

    @property
    def trouble(self) -> str | None:
        """Reason why no messages arrive; None while all is well."""
        if self._trouble is not None:
            return self._trouble
        if self._thread is None or not self._thread.is_alive():
            return "the thread that follows Kafka has ended"
        silent_s = time.monotonic() - self._round_s
        return f"Kafka has not been polled for {silent_s:.0f} s" if silent_s > SILENT_S else None

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start the thread."""
        self._thread = threading.Thread(target=self._run, args=(loop,), name="tail", daemon=True)
        self._thread.start()
        self._progress.watch()
        self._unread.watch()

    def stop(self) -> None:
        """Stop the thread."""
        self._ending.set()
        self._progress.stop()
        self._unread.stop()
        if self._thread is not None:
            self._thread.join(PATIENCE_S)

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            while not self._ending.is_set():
                self._attempt(loop)
        except Exception as error:  # noqa: BLE001 - its trace is logged
            _log.exception("stream_ended", "the thread that follows Kafka ends", error)
            self._trouble = f"the thread that follows Kafka has ended: {error}"
            self.give_up(self._trouble)

    def _attempt(self, loop: asyncio.AbstractEventLoop) -> None:
        consumer = tail_consumer(self.kafka)
        try:
            self._follow(consumer, loop)
        except (KafkaException, CandlewickError) as error:
            cause = (
                meaning(error, place=self.kafka.place)
                if isinstance(error, KafkaException)
                else error
            )
            if not isinstance(cause, Transient):
                _log.warning("stream_retried", "{error}; trying again", error=cause)
            self._trouble = str(cause)
            self._ending.wait(_AGAIN_S)
        finally:
            close(consumer)
            self._progress.attempted()

    def _follow(self, consumer: Consumer, loop: asyncio.AbstractEventLoop) -> None:
        ends = _spans(consumer, self.kafka)
        if not self._position:
            self._position = {p: max(low, high - REMEMBERED) for p, (low, high) in ends.items()}
            loop.call_soon_threadsafe(self.begin, dict(self._position))
        starts = [
            TopicPartition(kind.topic.name, number, at)
            for (kind, number), at in self._position.items()
            if (kind, number) not in self.standing
        ]
        consumer.assign(starts)
        news = {place: high for place, (_, high) in ends.items()}
        self._round_s = time.monotonic()
        self._trouble = self._stuck = None
        while not self._ending.is_set():
            if self._stuck is not None:
                raise RestartNeeded(self._stuck)
            messages = next_messages(consumer)
            self._round_s = time.monotonic()
            self._progress.attempted()
            if messages:
                stood = set(self.standing)
                arrived = read_messages(messages, news, standing=self.standing)
                loop.call_soon_threadsafe(self._hand, arrived)
                self._position.update(arrived.ends())
                self._pause(consumer, set(self.standing) - stood)

    def _read_to(self) -> dict[KafkaPlace, int]:
        """Return the newest offset read of each partition, while they are read; from any thread."""
        if self.trouble is not None:
            return {}
        return {
            (kind.topic.name, number): at - 1
            for (kind, number), at in [*self._position.items()]
            if (kind, number) not in self.standing
        }

    def _open_again(self, why: str) -> None:
        self._stuck = why

    def _pause(self, consumer: Consumer, places: set[Place]) -> None:
        for kind, number in places:
            _log.error(
                "partition_stopped",
                "{topic} [{partition}] is stopped: {reason}",
                topic=kind.topic.name,
                partition=number,
                reason=self.standing[kind, number],
            )
            consumer.pause([TopicPartition(kind.topic.name, number)])

    def _hand(self, arrived: Arrived) -> None:
        try:
            self.take(arrived)
        except Exception as error:  # noqa: BLE001 - its trace is logged
            _log.exception("records_unprocessed", "messages from Kafka cannot be processed", error)
            self.give_up("messages from Kafka cannot be processed")


def _spans(consumer: Consumer, kafka: KafkaSettings) -> dict[Place, Span]:
    return {
        (kind, number): span
        for kind in Kind
        for number, span in spans_of(consumer, kind.topic.name, kafka, answer_s=PATIENCE_S).items()
    }
