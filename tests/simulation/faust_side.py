"""The worker's side of Kafka: the product's consumer on a stand-in of the framework.

What Faust and aiokafka do is simulated here; what the product overrides in them runs as it is.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from aiokafka.errors import KafkaTimeoutError
from faust.types import TP

from processors.runtime.bundles import Bundle, BundlingConsumer
from schemas import topics
from tests.simulation.bunches import SimBunchProducer, SimTopic
from tests.simulation.kafka import PARTITIONS, Record

if TYPE_CHECKING:
    from tests.simulation.world import World

GROUP = topics.CANDLE_APP
PLACES = tuple(TP(topics.TRADES.name, p) for p in range(PARTITIONS))


class SimApp:
    """Faust's application, as far as the outlet and the consumer know it."""

    client_only = False
    bundled = frozenset([topics.TRADES.name])
    keeper: Any = None

    def __init__(self, producer: SimBunchProducer) -> None:
        self.producer = producer

    async def maybe_start_producer(self) -> SimBunchProducer:
        return self.producer

    def topic(self, name: str, **_: object) -> SimTopic:
        return SimTopic(self.producer, name)


class SimConsumer(BundlingConsumer):
    """The product's consumer of bundles; what it inherits from Faust is simulated."""

    def __init__(self, world: "World", app: SimApp) -> None:  # Faust's own wants a real Kafka
        self._world = world
        self.app = app
        self._loop = asyncio.get_running_loop()
        self._bundled = app.bundled
        self._standing: dict[TP, int] = {}
        self._sought: dict[TP, tuple[int, float]] = {}
        self._read_offset: Any = defaultdict(lambda: None)
        self._committed_offset: Any = defaultdict(lambda: None)
        self._acked: Any = defaultdict(list)
        self._acked_index: Any = defaultdict(set)
        self._unacked_messages: Any = set()
        self._positions: dict[TP, int] = {}
        self._stopped: set[TP] = set()
        self.polls: asyncio.Queue[Bundle] = asyncio.Queue(1)

    async def earliest_offsets(self, *partitions: TP) -> Mapping[TP, int]:
        await asyncio.sleep(self._world.latency_ms() / 1_000)
        if self._world.broker.is_away:
            raise KafkaTimeoutError
        return dict.fromkeys(partitions, 0)

    async def seek_wait(self, partitions: Mapping[TP, int]) -> None:
        await asyncio.sleep(0)
        self._positions.update(partitions)
        await asyncio.sleep(0)

    async def seek_to_committed(self) -> Mapping[TP, int]:
        await asyncio.sleep(self._world.latency_ms() / 1_000)
        broker = self._world.broker
        found = {tp: broker.group_offset(GROUP, (tp.topic, tp.partition))[0] for tp in PLACES}
        self._positions = {tp: max(offset, 0) for tp, offset in found.items()}
        return found

    def pause_partitions(self, tps: Iterable[TP]) -> None:
        self._stopped |= set(tps)

    async def force_commit(self, topics: Any = None, start_new_transaction: bool = True) -> bool:  # noqa: FBT001, FBT002 - Faust's
        """Commit as Faust does: what may be committed of each partition that was read."""
        del topics, start_new_transaction
        found = {tp: self._new_offset(tp) for tp in list(self._acked)}
        due = {
            tp: offset
            for tp, offset in found.items()
            if offset is not None and self._should_commit(tp, offset)
        }
        if not due:
            return False
        await self.app.producer.flush()
        await asyncio.sleep(self._world.latency_ms() / 1_000)
        world = self._world
        if world.broker.is_away or world.rng.random() < world.odds.commit_fails:
            return False
        world.broker.commit(
            GROUP, {(tp.topic, tp.partition): (offset, "") for tp, offset in due.items()}
        )
        await asyncio.sleep(0)
        self._committed_offset.update(due)
        return True

    async def read(self) -> None:
        """Poll for ever; what is under way when a partition is sought still comes."""
        rng = self._world.rng
        while True:
            await asyncio.sleep(rng.choice((0.005, 0.02, 0.2)))
            records: list[Record] = []
            if not self._world.broker.is_away:
                records = [r for tp in PLACES if tp not in self._stopped for r in self._next(tp)]
            if not records:
                continue
            await asyncio.sleep(self._world.latency_ms() / 1_000)
            tp = TP(*records[0].place)
            bundle = Bundle(tp, [_Fetched(r) for r in records], generation=1)
            if self.is_due(tp, bundle):
                await self.polls.put(bundle)

    def _next(self, tp: TP) -> list[Record]:
        at = self._positions.get(tp)
        if at is None:
            return []
        most = self._world.rng.choice((1, 2, 5, 100))
        records = self._world.broker.log((tp.topic, tp.partition))[at : at + most]
        self._positions[tp] = at + len(records)
        return records


class _Fetched:
    """aiokafka's record."""

    __slots__ = ("headers", "key", "offset", "partition", "topic", "value")

    def __init__(self, record: Record) -> None:
        self.topic, self.partition = record.place
        self.offset = record.number
        self.key = record.raw_key
        self.value = record.raw_value
        self.headers = record.raw_headers
