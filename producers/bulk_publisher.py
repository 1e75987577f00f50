"""Fast publisher of pages of candles: no work per record, bounded memory, acknowledged by page.

Records carry the time of sending, so that retention never deletes history. The producer is
idempotent and ordered, so the acknowledgement of a page's last record covers the whole page.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

from confluent_kafka import KafkaError, Message

from clients.clock import steady_ms
from clients.kafka.errors import BROKERS_DOWN, meaning, no_answer
from clients.kafka.opening import Packing, open_producer
from clients.watching.log import EventLog, Seldom
from producers.unacknowledged import Unacknowledged
from producers.watchdog import delivering, watched
from schemas.codecs import Record, contract_header, message_of
from schemas.errors import CandlewickError, ConfigurationError, RestartNeeded, Transient
from schemas.settings import KafkaSettings
from schemas.topics import Topic

_log = EventLog(__name__)
RECORDS_ON_THE_WAY: Final = 30_000
SLICE: Final = 4_000
SERVE_S: Final = 0.005
IDLE_S: Final = 1.0  # while nothing is on the way; what Kafka tells by itself can wait so long
CLOSE_S: Final = 10.0


class BulkPublisher:
    """The only Kafka producer of a backfill; use it inside `serving`."""

    def __init__(self, kafka: KafkaSettings, *, pace: int | None = None) -> None:
        """Set up the producer; ``pace`` limits the records a second, so that others keep up."""
        self._kafka = kafka
        self._pace = pace
        self._next_ms = 0
        self._on_the_way = 0
        self._room = asyncio.Condition()
        self._queued = asyncio.Event()
        self._failure: KafkaError | None = None
        self._failed_topic = ""
        self._served = 0
        self._records = Unacknowledged()  # of a page its last one
        self._waiting: set[asyncio.Future[int]] = set()
        self._seldom = Seldom()
        self._producer = open_producer(
            kafka,
            name="candlewick-backfill",
            packing=Packing(
                linger_ms=20,
                batch_records=20_000,
                queue_records=4 * RECORDS_ON_THE_WAY,
                queue_kib=128 * 1024,
            ),
            on_error=self._on_error,
        )

    @asynccontextmanager
    async def serving(self) -> AsyncIterator["BulkPublisher"]:
        """Deliver records while the block runs, and flush the queue at its end."""
        task = asyncio.create_task(self._serve())
        try:
            async with (
                watched(lambda: self._served, lambda: True),
                delivering(self._kafka, self._records),
            ):
                yield self
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            left = await asyncio.to_thread(self._producer.flush, CLOSE_S)
            if left:
                _log.warning(
                    "records_undelivered",
                    "{records} records did not reach Kafka; the next run fetches them",
                    records=left,
                )

    async def page(
        self,
        topic: Topic,
        key: str,
        partition: int,
        values: Sequence[bytes],
        *,
        extra_headers: Sequence[tuple[str, bytes]] = (),
    ) -> "asyncio.Future[int]":
        """Queue records of one key; the future yields the offset after the last one once stored.

        Raises:
            RestartNeeded: Kafka has shut this client out, or rejected a record for good.
            Transient: The client's queue is full.
            ConfigurationError: The topic does not exist.
        """
        await self._keep_pace(len(values))
        done: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiting.add(done)
        done.add_done_callback(self._waiting.discard)
        key_bytes, body, last = key.encode(), values[:-1], values[-1]
        headers = [contract_header(topic.record)] if topic.record else []
        headers += extra_headers
        for start in range(0, len(body), SLICE):
            part = body[start : start + SLICE]
            await self._reserve(len(part))
            try:
                for value in part:  # `produce_batch` would leave the headers out
                    self._producer.produce(
                        topic.name, value, key_bytes, partition, headers=list(headers)
                    )
            except BufferError as error:
                raise Transient("the queue to Kafka is full") from error
        await self._reserve(1)

        def delivered(error: KafkaError | None, message: Message) -> None:
            self._on_the_way -= len(values)
            self._records.acknowledged(topic.name, key)
            if error is not None:
                self._failure, self._failed_topic = error, topic.name
            elif not done.done():
                done.set_result((message.offset() or 0) + 1)

        self._producer.produce(
            topic.name, last, key, partition, on_delivery=delivered, headers=list(headers)
        )
        self._records.sent(topic.name, key)
        return done

    async def record(self, topic: Topic, record: Record) -> None:
        """Write one record and wait until Kafka has acknowledged it; raises as `page` does."""
        done: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiting.add(done)
        done.add_done_callback(self._waiting.discard)

        def delivered(error: KafkaError | None, message: Message) -> None:
            self._on_the_way -= 1
            self._records.acknowledged(topic.name, queued.key)
            if error is not None:
                self._failure, self._failed_topic = error, topic.name
            elif not done.done():
                done.set_result(message.offset() or 0)

        queued = message_of(record)
        await self._reserve(1)
        self._producer.produce(
            topic.name,
            queued.value,
            queued.key,
            on_delivery=delivered,
            headers=list(queued.headers),
        )
        self._records.sent(topic.name, queued.key)
        await done

    async def _keep_pace(self, records: int) -> None:
        if self._pace is None:
            return
        now_ms = steady_ms()
        turn_ms = max(self._next_ms, now_ms)
        self._next_ms = turn_ms + records * 1000 // self._pace
        await asyncio.sleep((turn_ms - now_ms) / 1000)

    async def _reserve(self, records: int) -> None:
        async with self._room:
            await self._room.wait_for(
                lambda: self._failure is not None or self._on_the_way < RECORDS_ON_THE_WAY
            )
        self._refuse_failure()
        self._on_the_way += records
        self._queued.set()

    async def _serve(self) -> None:
        while True:
            self._producer.poll(0)
            self._served += 1
            if self._failure is not None:
                self._fail_waiting()
            if self._on_the_way < RECORDS_ON_THE_WAY:
                async with self._room:
                    self._room.notify_all()
            await self._pause()

    async def _pause(self) -> None:
        if self._on_the_way:
            await asyncio.sleep(SERVE_S)
            return
        self._queued.clear()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._queued.wait(), IDLE_S)

    def _fail_waiting(self) -> None:
        try:
            self._refuse_failure()
        except CandlewickError as error:
            for done in list(self._waiting):
                if not done.done():
                    done.set_exception(error)

    def _refuse_failure(self) -> None:
        if self._failure is None:
            return
        found = meaning(self._failure, topic=self._failed_topic, place=self._kafka.place)
        if isinstance(found, ConfigurationError | RestartNeeded):
            raise found
        raise RestartNeeded(f"Kafka refused a record: {found}")

    def _on_error(self, error: KafkaError) -> None:
        if error.fatal():
            self._failure = error
        elif error.code() == BROKERS_DOWN and self._seldom.is_due():
            _log.warning(
                "kafka_away", "{reason}; candles wait for it", reason=no_answer(self._kafka.place)
            )
