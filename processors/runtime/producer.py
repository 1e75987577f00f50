"""Sends records in bunches: one future and one wake-up for many records, not one for each."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Final, NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.errors import MessageSizeTooLargeError
from faust.transport.drivers.aiokafka import Producer

from clients.kafka.partition import partition_of

_AGAIN_S: Final = 0.1  # the library's own time between two attempts


class Outgoing(NamedTuple):
    """A record on its way out.

    Attributes:
        partition: Where it belongs; None for the partition of its key.
    """

    key: bytes
    value: bytes
    headers: Sequence[tuple[str, bytes]] = ()
    partition: int | None = None


class Bunch(NamedTuple):
    """Records of one partition that were sent together.

    Attributes:
        records: The records, in order.
        sent: Done when the broker has them all, or fails for all of them.
    """

    records: list[Outgoing]
    sent: asyncio.Future[Any]


async def send_bunch(
    producer: AIOKafkaProducer, topic: str, records: Iterable[Outgoing]
) -> list[Bunch]:
    """Send records, those of a partition in their order; return once they are queued."""
    partitions = len(await producer.partitions_for(topic))
    places: dict[int, list[Outgoing]] = defaultdict(list)
    for record in records:
        place = record.partition
        if place is None:
            place = partition_of(record.key.decode(), partitions)
        places[place].append(record)
    bunches = []
    for place, left in places.items():
        while left:
            bunch = await _send_first(producer, topic, place, left)
            bunches.append(bunch)
            left = left[len(bunch.records) :]  # noqa: PLW2901 - what did not fit
    return bunches


async def _send_first(
    producer: AIOKafkaProducer, topic: str, partition: int, records: list[Outgoing]
) -> Bunch:
    """Send as many of the first records as fit into one bunch."""
    batch, size = producer.create_batch(), 0
    for key, value, headers, _ in records:
        if batch.append(timestamp=None, key=key, value=value, headers=[*headers]) is None:
            break
        size += 1
    if not size:
        raise MessageSizeTooLargeError(f"{len(records[0].value)} bytes for {topic}")
    batch.close()  # it does not linger: nothing can be added
    sent = await producer.send_batch(batch, topic, partition=partition)
    return Bunch(records[:size], sent)


def patient(
    update: Callable[[], Awaitable[bool]], again_s: float = _AGAIN_S
) -> Callable[[], asyncio.Task[bool]]:
    """Return a request for metadata whose failure is told only after a while.

    The library's sender asks again at once where a partition has no leader. While no broker listens
    each attempt fails at once, so that it would ask thousands of times a second, and log each.
    """

    async def asked() -> bool:
        is_updated = await update()
        if not is_updated:
            await asyncio.sleep(again_s)
        return is_updated

    return lambda: asyncio.ensure_future(asked())


class BunchProducer(Producer):
    """Faust's producer, which also takes records in bunches."""

    async def on_start(self) -> None:
        """Connect."""
        await super().on_start()
        client = self._ensure_producer().client
        client.force_metadata_update = patient(client.force_metadata_update)

    async def send_bunch(self, topic: str, records: Iterable[Outgoing]) -> list[Bunch]:
        """Send records, those of a partition in their order; return once they are queued."""
        return await send_bunch(self._ensure_producer(), topic, records)
