"""Reads the events that a subscriber missed from Kafka, up to where the live stream starts."""

import asyncio
import threading
import time
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import aclosing
from dataclasses import dataclass

from anyio import to_thread
from confluent_kafka import Consumer, KafkaException, TopicPartition

from api.live.arrived import read_messages
from api.live.consuming import POLL_S, close, new_consumer, next_messages
from api.live.events import Event
from api.live.position import Place, Position
from clients.kafka.errors import meaning
from clients.kafka.offsets import span_of
from clients.limits import within
from schemas.errors import Transient
from schemas.settings import KafkaSettings

PATIENCE_S = 10.0
PLACES = 4  # clients that read at the same time: each has a consumer, with its threads and memory
LONGEST_S = 60.0
Range = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Missed:
    """A batch of missed events.

    Attributes:
        ends: Next offset of each partition after this batch.
        lost: Number of records that Kafka has deleted.
    """

    events: tuple[Event, ...]
    ends: Position
    lost: int = 0


class CatchingUp:
    """Reads missed events for a few clients at a time; use it in the event loop.

    Args:
        kafka: Where the brokers are, and how to sign in.
        beat_s: Seconds after which a client that waits for a place gets an empty batch.
    """

    def __init__(self, kafka: KafkaSettings, beat_s: float) -> None:
        self._kafka = kafka
        self._beat_s = beat_s
        # Unlike a limiter of anyio it is not bound to a task: a stream is read in one, and closed
        # in another.
        self._places = asyncio.Semaphore(PLACES)

    async def read(self, ranges: Mapping[Place, Range]) -> AsyncGenerator[Missed, None]:
        """Yield the events in these ranges of offsets, in batches; close it, to free the place.

        Raises:
            Transient: As `read_missed`, or the client has taken its batches too slowly.
        """
        while not await self._has_place():
            yield Missed((), {})
        until_s = time.monotonic() + LONGEST_S
        try:
            async with aclosing(self._batches(ranges)) as batches:
                async for batch in batches:
                    yield batch
                    if time.monotonic() > until_s:  # others wait for the place
                        raise Transient(f"the past events were not taken within {LONGEST_S:.0f} s")
        finally:
            self._places.release()

    async def _has_place(self) -> bool:
        try:
            async with asyncio.timeout(self._beat_s):
                return await self._places.acquire()
        except TimeoutError:
            return False

    async def _batches(self, ranges: Mapping[Place, Range]) -> AsyncGenerator[Missed, None]:
        missed, in_use = read_missed(self._kafka, ranges), threading.Lock()

        def take() -> Missed | None:
            with in_use:
                return next(missed, None)

        def end() -> None:
            with in_use:  # a cancelled caller leaves `take` at work in its thread
                missed.close()

        try:
            while (batch := await to_thread.run_sync(take)) is not None:
                yield batch
        finally:
            await to_thread.run_sync(end)  # closing a consumer may block for seconds


def missing_ranges(have: Position, upto: Position) -> dict[Place, Range]:
    """Return the ranges of offsets between two positions; places not in ``have`` count as read."""
    pairs = {place: (have.get(place, end), end) for place, end in upto.items()}
    return {place: (at, end) for place, (at, end) in pairs.items() if at < end}


def read_missed(
    kafka: KafkaSettings, ranges: Mapping[Place, Range]
) -> Generator[Missed, None, None]:
    """Yield the events in these ranges of offsets, in batches.

    Raises:
        Transient: Kafka does not answer, or stops answering.
    """
    consumer = new_consumer(kafka)
    try:
        starts = within(
            PATIENCE_S,
            f"Kafka at {kafka.place} (where the past begins)",
            lambda: {place: _first(consumer, place, span, kafka) for place, span in ranges.items()},
        )
        lost = sum(starts[place] - at for place, (at, _) in ranges.items())
        yield Missed((), {}, lost)
        until = {place: end for place, (_, end) in ranges.items()}
        left = {p: end for p, end in until.items() if starts[p] < end}
        consumer.assign([TopicPartition(k.topic.name, p, starts[k, p]) for k, p in left])
        while left:
            missed = _next(consumer, until)
            done = [place for place, end in left.items() if missed.ends.get(place, 0) >= end]
            # Pause finished partitions, so that every message brings the end nearer.
            consumer.pause([TopicPartition(kind.topic.name, number) for kind, number in done])
            left = {place: end for place, end in left.items() if place not in done}
            yield missed
    except KafkaException as error:
        raise meaning(error, place=kafka.place) from error
    finally:
        close(consumer)


def _first(consumer: Consumer, place: Place, span: Range, kafka: KafkaSettings) -> int:
    kind, partition = place
    low, _ = span_of(
        consumer, TopicPartition(kind.topic.name, partition), kafka, answer_s=PATIENCE_S
    )
    return min(max(low, span[0]), span[1])


def _next(consumer: Consumer, until: Position) -> Missed:
    waited_s = 0.0
    while not (messages := next_messages(consumer)):
        waited_s += POLL_S
        if waited_s >= PATIENCE_S:
            raise Transient("Kafka stopped answering in the middle of the past events")
    arrived = read_messages(messages, {})
    events = tuple(i.event for i in arrived.items if i.event.offset < until[i.event.place])
    # Records beyond the range also arrive live, so they must not count as delivered here.
    return Missed(events, {p: min(end, until[p]) for p, end in arrived.ends().items()})
