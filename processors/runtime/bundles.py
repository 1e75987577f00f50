"""One message of Faust's for all the records of a poll, and commits of what is stored.

Faust pays for each message it hands to an agent: four tasks, a queue, an acknowledgement. So an
application may ask for the records of some topics in bundles. What may be committed of these topics
is said by a keeper, who knows what is stored, and not by acknowledgements.

Tests compare the hashes of the original functions: when Faust changes one, review the override.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Any, Final, Protocol

from faust.transport.utils import DefaultSchedulingStrategy
from faust.types import TP, ConsumerMessage, Message

from processors.runtime.pace import Pace
from processors.runtime.transport import (
    CarefulConsumer,
    CarefulConsumerThread,
    CarefulTransport,
)

_LINGER_S: Final = 0.002


class Keeper(Protocol):
    """Stores what an application has made of the records it has read."""

    async def save(self) -> None:
        """Store what has changed; wait a moment for Kafka to acknowledge it."""

    def kept(self, tp: TP) -> int | None:
        """Return the offset before which everything is stored; None before the first time."""


class Bundle(ConsumerMessage):
    """The records of a poll, as one message.

    For Faust it is a message of one partition of them, at the offset of the last record of that.

    Attributes:
        records: The client's records, those of each partition in their order.
    """

    __slots__ = ("records",)

    def __init__(self, tp: TP, records: list[Any], *, generation: int) -> None:
        offset = max(record.offset for record in records if _place(record) == tp)
        super().__init__(
            tp.topic,
            tp.partition,
            offset,
            timestamp=0.0,
            timestamp_type=0,
            headers=None,
            key=None,
            value=b"",
            checksum=None,
            tp=tp,
            generation_id=generation,
        )
        self.records = records


class _Poll(list[Any]):
    """Records of a poll on their way to become a bundle."""


class BundlingScheduler(DefaultSchedulingStrategy):
    """Order in which the records of a poll are handed on: those of some topics all at once.

    Args:
        topics: Names of the topics whose records are bundled.
        is_read: Returns whether a partition is still to be read.
    """

    def __init__(self, topics: frozenset[str], is_read: Callable[[TP], bool]) -> None:
        self._topics = topics
        self._is_read = is_read

    def iterate(self, records: Mapping[TP, list[Any]]) -> Iterator[tuple[TP, Any]]:
        """Iterate over records, with all bundled ones as the first."""
        single = {tp: found for tp, found in records.items() if tp.topic not in self._topics}
        bundled = {tp: found for tp, found in records.items() if tp.topic in self._topics}
        read = {tp: found for tp, found in bundled.items() if self._is_read(tp)}
        if read:
            yield next(iter(read)), _Poll(record for found in read.values() for record in found)
        yield from super().iterate(single)


class LingeringConsumerThread(CarefulConsumerThread):
    """Consumer thread that waits a moment for what comes just behind the first records.

    A producer's tick reaches the partitions one after the other. Kafka answers after the first, and
    each answer that is handed on wakes two threads.
    """

    async def _fetch_records(
        self,
        consumer: Any,  # noqa: ANN401 - the client's
        active_partitions: set[TP],
        timeout: float | None = None,  # noqa: ASYNC109 - the base's signature
        max_records: int | None = None,
    ) -> Any:  # noqa: ANN401 - the client's
        fetch = super()._fetch_records
        found = await fetch(consumer, active_partitions, timeout, max_records)
        if not found:
            return found
        await asyncio.sleep(_LINGER_S)
        behind = await fetch(consumer, active_partitions, 0.0, max_records)
        return {tp: [*found.get(tp, ()), *behind.get(tp, ())] for tp in {**found, **behind}}


class BundlingConsumer(CarefulConsumer):
    """Consumer that bundles the records of some topics, and commits of them what is stored.

    The application names the topics (`bundled`) and the keeper (`keeper`).
    """

    def __post_init__(self) -> None:
        """Set up the scheduler."""
        super().__post_init__()
        app: Any = self.app
        self._bundled: frozenset[str] = app.bundled
        self.scheduler = BundlingScheduler(self._bundled, self._is_read)
        self._pace = Pace(gather_s=app.gather_ms / 1000)

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, Message]]:  # noqa: ASYNC109 - the base's signature
        """Fetch records, after a pause in which they gather."""
        await asyncio.sleep(self._pace.wait_s(time.monotonic()))
        async for tp, message in super().getmany(timeout):
            if isinstance(message, Bundle):
                size = sum(len(record.value or b"") for record in message.records)
                self._pace.polled(size, time.monotonic())
            yield tp, message

    async def commit(self, topics: Any = None, start_new_transaction: bool = True) -> bool:  # noqa: ANN401, FBT001, FBT002 - the base's signature
        """Have everything stored, then commit what is."""
        await self._keeper().save()
        committed: bool = await super().commit(topics, start_new_transaction)
        return committed

    def _new_consumer_thread(self) -> LingeringConsumerThread:
        return LingeringConsumerThread(self, loop=self.loop, beacon=self.beacon)

    def on_buffer_full(self, tp: TP) -> None:
        """Go on reading: the queue of bundles is short, and a full one makes the reader wait."""
        if tp.topic not in self._bundled:
            super().on_buffer_full(tp)

    def _to_message(self, tp: TP, record: Any) -> ConsumerMessage:  # noqa: ANN401 - the client's
        if isinstance(record, _Poll):
            return Bundle(tp, [*record], generation=self.app.consumer_generation_id)
        return super()._to_message(tp, record)

    def is_due(self, tp: TP, message: Message) -> bool:
        """Return whether a message counts; a bundle loses those of its records that do not."""
        if not isinstance(message, Bundle):
            return super().is_due(tp, message)
        message.records = [record for record in message.records if self._is_next(record)]
        # Faust compares offsets as well, and it must find nothing: the records were compared.
        read = self._read_offset[tp]
        message.offset = message.offset if read is None else read
        return bool(message.records)

    def _is_next(self, record: Any) -> bool:  # noqa: ANN401 - the client's
        tp, offset = _place(record), record.offset
        if not self._counts(tp, offset):
            return False
        read = self._read_offset[tp]
        if read is not None and offset < read:
            return False
        self._read_offset[tp] = offset
        self._acked[tp]  # so that Faust asks what of the partition may be committed
        return True

    def _is_read(self, tp: TP) -> bool:
        return tp in self._get_active_partitions()

    def _keeper(self) -> Keeper:
        app: Any = self.app
        keeper: Keeper = app.keeper
        return keeper

    def _new_offset(self, tp: TP) -> int | None:
        """Return the offset to commit for a partition, None if nothing new may be committed."""
        if tp.topic not in self._bundled:
            return super()._new_offset(tp)
        self._acked[tp].clear()
        self._acked_index[tp].clear()
        return self._keeper().kept(tp)


class BundlingTransport(CarefulTransport):
    """Transport that uses the bundling consumer."""

    Consumer = BundlingConsumer


def _place(record: Any) -> TP:  # noqa: ANN401 - the client's
    return TP(record.topic, record.partition)
