"""Faust's Kafka driver with six fixes and two additions.

A single partition can be stopped. A group that Kafka does not know can begin with newest records.
The fixes:

1. Stock Faust passes its live set of active partitions to the fetch thread. If they are paused
   meanwhile, that set may be empty, and an empty set means "all partitions".
2. It lets the broker hold a fetch for 1.5 s, and aiokafka sends a broker one fetch at a time.
3. It can commit past an unfinished message when the next one is finished.
4. Records that were fetched before a seek are delivered after it. Those that the seek was for then
   count as known and are dropped.
5. A member whose static name was taken takes it back; see `processors.runtime.static_member`.
6. A header whose name is not UTF-8 stops its partition; see `processors.runtime.header_names`.

Tests compare the hashes of the original functions: when Faust changes one, review the override.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from math import inf
from typing import Any, Final, cast

from aiokafka.errors import KafkaError
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, Consumer, Transport
from faust.types import TP, Message

from clients.watching.log import EventLog
from processors.runtime.header_names import read_any_header_names
from processors.runtime.producer import BunchProducer
from processors.runtime.static_member import notice_fencing

_log: Final = EventLog(__name__)
FETCH_WAIT_MS = 500  # a record ends the wait at once; a partition that was just assigned may wait
_ANSWER_S: Final = 5.0
_UNDER_WAY_S: Final = 2.0  # a record that does not come by then was lost: it is asked for again


class CarefulConsumerThread(AIOKafkaConsumerThread):
    """Consumer thread that fetches only the partitions active at the time of the call."""

    async def on_start(self) -> None:
        """Connect, and notice from then on when another process takes the static name."""
        await super().on_start()
        app: Any = self.app
        notice_fencing(self._ensure_consumer()._coordinator, app.name_lost)  # noqa: SLF001

    async def getmany(self, active_partitions: set[TP] | None, timeout: float) -> Any:  # noqa: ANN401, ASYNC109 - the base's signature
        """Fetch a batch from the partitions active now, or nothing if there are none."""
        if active_partitions is None:
            return await super().getmany(None, timeout)
        if not active_partitions:
            return {}
        return await super().getmany(set(active_partitions), timeout)

    async def seek_to_committed(self) -> Any:  # noqa: ANN401 - untyped base
        """Go to the committed offsets, or near the newest record where nothing is committed."""
        committed = await super().seek_to_committed()
        newest_s = cast("Any", self.app).newest_s
        begun = [tp for tp, offset in committed.items() if offset is None]
        if begun and newest_s is not None:
            await self.call_thread(self._seek_newest, begun, newest_s)
        return committed

    async def _seek_newest(self, places: Sequence[TP], newest_s: float) -> None:
        consumer = self._ensure_consumer()
        ends = await consumer.end_offsets(places)  # first: what comes meanwhile is read
        since_ms = max(0, int((time.time() - newest_s) * 1000))
        found = await consumer.offsets_for_times(dict.fromkeys(places, since_ms))
        for tp in places:
            consumer.seek(tp, ends[tp] if found[tp] is None else found[tp].offset)

    def _create_worker_consumer(self, transport: Transport) -> Any:  # noqa: ANN401 - untyped base
        read_any_header_names()
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = FETCH_WAIT_MS  # noqa: SLF001 - the driver has no setting for it
        return consumer


class CarefulConsumer(Consumer):
    """Consumer on the careful thread that never commits past an unfinished message."""

    def _new_consumer_thread(self) -> CarefulConsumerThread:
        return CarefulConsumerThread(self, loop=self.loop, beacon=self.beacon)

    def __post_init__(self) -> None:
        """Set up the stopped partitions."""
        super().__post_init__()
        self._standing: dict[TP, int] = {}
        self._sought: dict[TP, tuple[int, float]] = {}  # offset, and until when it is waited for

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Do nothing: `processors.runtime.guard` watches the progress, without false alarms."""

    def stand_still(self, topic: str, partition: int, offset: int) -> None:
        """Stop fetching a partition, and commit nothing from this offset on."""
        tp = TP(topic, partition)
        self._standing.setdefault(tp, offset)
        self.pause_partitions({tp})

    def move_on(self) -> None:
        """Forget the stopped partitions after a new assignment, and what was acknowledged.

        All is read again from the committed offsets. What was acknowledged behind a record that is
        still waited for would be committed over it once that record is dropped.
        """
        self._standing.clear()
        self._sought.clear()
        self._acked.clear()
        self._acked_index.clear()

    async def read_again(self, tp: TP, offset: int) -> int | None:
        """Continue reading a partition at an offset, or at the oldest one that Kafka still has.

        Returns:
            The oldest offset that Kafka has, None if it does not answer.
        """
        try:
            async with asyncio.timeout(_ANSWER_S):
                oldest: int = (await self.earliest_offsets(tp))[tp]
                start = max(offset, oldest)
                self._sought[tp] = start, time.monotonic() + _UNDER_WAY_S
                await self.seek_wait({tp: start})
        except (KafkaError, TimeoutError) as error:
            self._sought.pop(tp, None)
            _log.warning(
                "partition_unreadable",
                "{topic} [{partition}] cannot be read again yet: {error!r}",
                topic=tp.topic,
                partition=tp.partition,
                error=error,
            )
            return None
        return oldest

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, Message]]:  # noqa: ASYNC109 - the base's signature
        """Fetch records, without those that were under way when `read_again` was called."""
        async for tp, message in super().getmany(timeout):
            if self.is_due(tp, message):
                yield tp, message

    def is_due(self, tp: TP, message: Message) -> bool:
        """Return whether a message counts."""
        return self._counts(tp, message.offset)

    def _counts(self, tp: TP, offset: int) -> bool:
        """Return whether a record counts, or was under way when its partition was sought."""
        start, until_s = self._sought.get(tp, (offset, 0.0))
        if until_s and offset == start:
            self._read_offset[tp] = start  # a record under way may have set it
        elif until_s > time.monotonic():
            return False
        self._sought.pop(tp, None)
        return True

    async def perform_seek(self) -> None:
        """Go to the committed offsets, from where every record counts."""
        self._sought.clear()
        await super().perform_seek()

    def _new_offset(self, tp: TP) -> int | None:
        """Return the offset to commit for a partition, None if nothing new may be committed."""
        under_way = (m.offset for m in list(self._unacked_messages) if m.tp == tp and not m.acked)
        first = min([*under_way, self._standing.get(tp, inf)])
        later = [offset for offset in self._acked[tp] if offset >= first]
        self._acked[tp] = [offset for offset in self._acked[tp] if offset < first]
        offset: int | None = super()._new_offset(tp)
        self._acked[tp] += later
        return offset


class CarefulTransport(Transport):
    """Transport that uses the careful consumer, and the producer that takes bunches."""

    Consumer = CarefulConsumer
    Producer = BunchProducer
