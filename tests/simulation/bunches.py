"""Stand-ins of the producers of aiokafka and Faust over the simulated Kafka."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from aiokafka.errors import KafkaTimeoutError
from confluent_kafka import KafkaError

from processors.runtime.producer import Bunch, Outgoing, send_bunch
from tests.simulation.kafka import PARTITIONS, Sent, Session, place_of

if TYPE_CHECKING:
    from tests.simulation.world import World


class _Batch:
    """aiokafka's batch."""

    def __init__(self) -> None:
        self.records: list[Any] = []

    def append(self, *, timestamp: None, key: bytes, value: bytes, headers: list[Any]) -> bool:
        del timestamp
        self.records.append((key, value, tuple(headers)))
        return True

    def close(self) -> None:
        pass


class SimBunchProducer:
    """aiokafka's producer and Faust's around it: not idempotent, and it gives up after its time."""

    def __init__(self, world: "World") -> None:
        self.session = Session(world, may_double=True, may_fail=True)

    async def send_bunch(self, topic: str, records: Iterable[Outgoing]) -> list[Bunch]:
        return await send_bunch(self, topic, records)  # type: ignore[arg-type] - what it needs

    async def partitions_for(self, _topic: str) -> range:
        return range(PARTITIONS)

    def create_batch(self) -> _Batch:
        return _Batch()

    async def send_batch(self, batch: _Batch, topic: str, *, partition: int) -> Any:
        await asyncio.sleep(0)  # there may be no room
        loop = asyncio.get_running_loop()
        done = loop.create_future()

        def acknowledged(error: KafkaError | None) -> None:
            loop.call_soon(self._answer, done, error)

        self.session.send(Sent(batch.records, (topic, partition), acknowledged))
        return done

    def _answer(self, done: "asyncio.Future[Any]", error: KafkaError | None) -> None:
        if error is not None:
            done.set_exception(KafkaTimeoutError())
            done.exception()
        else:
            done.set_result(None)

    async def flush(self) -> None:
        while self.session.waiting:  # noqa: ASYNC110 - it has no event to wait for
            await asyncio.sleep(0.01)


class SimTopic:
    """Faust's topic."""

    def __init__(self, producer: SimBunchProducer, name: str) -> None:
        self._producer = producer
        self._name = name

    async def send(self, *, key: bytes, value: bytes, headers: Mapping[str, bytes]) -> Any:
        place = place_of(self._name, key)[1]
        outgoing = Outgoing(key, value, tuple(headers.items()), place)
        (bunch,) = await self._producer.send_bunch(self._name, [outgoing])
        return bunch.sent
