"""The three processes of the simulation: what the product's `__main__`s wire, on simulated ends."""

import asyncio
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from clients.kafka.followed_symbols import FollowedSymbols
from processors.candles import agents
from processors.candles.agents import CommitKeeper, KafkaOutlet, StoredStates
from processors.candles.state import CandleRules
from processors.candles.worker import CandleWorker
from processors.runtime import guard
from processors.runtime.app import SESSION_S
from processors.runtime.fence import Fence
from processors.runtime.stopped_partitions import Standing
from producers.binance.rest import RestClient
from producers.trades.follower import Follower
from producers.trades.publisher import Publisher
from producers.trades.resume import read_past
from schemas import topics
from schemas.errors import CandlewickError
from sinks.consumer import GROUP
from sinks.delivery import Delivery
from sinks.drain import Drain
from sinks.refused_trades import LetterDelivery, Patience
from sinks.tables import TABLES, Table
from tests.simulation.confluent import SimConsumer, SimLetters
from tests.simulation.faust_side import PLACES, SimApp, SimBunchProducer
from tests.simulation.faust_side import SimConsumer as WorkerConsumer
from tests.simulation.kafka import CHANGELOG, PARTITIONS
from tests.simulation.process import Killed, LoopProcess, Process
from tests.simulation.store import SimStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.simulation.world import World

_STORED = (topics.CANDLES, topics.GAPS, topics.TRADES, topics.DEAD_LETTERS)
_SINK_MS = (20, 100, 400)


class ProducerProcess(LoopProcess):
    """`producers.trades.stream.follow_trades`."""

    name = "producer"

    async def _main(self) -> None:
        world, settings = self.world, self.world.settings
        await asyncio.sleep(world.latency_ms() / 1_000)
        followed = FollowedSymbols(settings, name="simulation")
        rest = RestClient("http://exchange", world.exchange)  # type: ignore[arg-type] - its `get`
        publisher = Publisher(settings.kafka)
        self.session = publisher._producer.session  # type: ignore[attr-defined]
        follower = Follower(settings, publisher, rest, followed)
        past = read_past(settings.kafka, follower.names)
        await follower.run({symbol: past[symbol] for symbol in follower.names})


class WorkerProcess(LoopProcess):
    """`processors.candles.agents`, whose wiring needs a real Faust."""

    name = "worker"

    async def _main(self) -> None:
        world = self.world
        await asyncio.sleep(world.latency_ms() / 1_000)
        producer = SimBunchProducer(world)
        self.session = producer.session
        app: Any = SimApp(producer)
        consumer = WorkerConsumer(world, app)
        fence, standing = Fence(session_s=SESSION_S), Standing()
        outlet = KafkaOutlet(app, CHANGELOG, fence)
        records = world.broker.records(CHANGELOG)
        table = SimpleNamespace(data={r.raw_key: r.raw_value for r in records})
        rules = CandleRules(lateness_ms=world.settings.candles.lateness_ms, sends_proof=False)

        async def read_again(partition: int, offset: int) -> int | None:
            return await consumer.read_again(PLACES[partition], offset)

        worker = CandleWorker(
            StoredStates(table), outlet, rules, read_again, standing, partitions=PARTITIONS
        )
        app.keeper = CommitKeeper(worker.keeper)
        standing.read_by(consumer)
        await worker.start_over()
        await consumer.perform_seek()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(consumer.read())
            tasks.create_task(self._every(1.0, consumer.commit))
            tasks.create_task(self._every(1.0, worker.send_live))
            tasks.create_task(self._beat(fence))
            while True:
                bundle = await consumer.polls.get()
                guard.leave_if_fenced(fence)
                await worker.take(agents._messages_of(bundle))

    async def _every(self, seconds: float, call: "Callable[[], Any]") -> None:
        while True:
            await asyncio.sleep(seconds)
            await call()

    async def _beat(self, fence: Fence) -> None:
        while True:
            guard.leave_if_fenced(fence)
            await asyncio.sleep(0.5)


class SinkProcess(Process):
    """`sinks.__main__`: it has no await, and dies at any call to Kafka or to the store."""

    name = "sink"

    def __init__(self, world: "World") -> None:
        super().__init__(world)
        self._drain: Drain | None = None
        self._due_ns = 0

    def is_ready(self) -> bool:
        return self.world.clock.now_ns >= self._due_ns

    def next_ns(self) -> int | None:
        return self._due_ns

    def start(self) -> None:
        world = self.world
        self.is_alive = True
        self._due_ns = world.clock.now_ns
        tables = tuple(table for table in TABLES if table.topic in _STORED)
        store, letters = SimStore(world, self._reach), SimLetters(world, self._reach)
        patience = Patience()

        def route(table: Table, *, partition: int) -> Delivery:
            way: Any = (table, "topic-id", partition, store, letters)
            if table.topic is topics.DEAD_LETTERS:
                return LetterDelivery(*way, remover=store, stored=self._stored, patience=patience)
            return Delivery(*way)

        consumer: Any = SimConsumer(world, GROUP, self._reach)
        self._drain = Drain(consumer, tables, route)
        consumer.subscribe([table.topic.name for table in tables], on_assign=self._drain._assigned)

    def run_one(self) -> None:
        assert self._drain is not None
        try:
            self._drain._step(self.world.clock.now_ns // 1_000_000)
        except (CandlewickError, Killed) as error:
            raise SystemExit(1) from error
        self._due_ns = self.world.clock.now_ns + self.world.rng.choice(_SINK_MS) * 1_000_000

    def kill(self) -> None:
        self.is_alive = False
        self._drain = None

    def _reach(self, where: str) -> None:
        self.world.steps += 1
        if self.world.dies_at(self, where):
            raise Killed

    def _stored(self) -> dict[int, int]:
        name = topics.TRADES.name
        found = {
            tp.partition: self.world.broker.group_offset(GROUP, (name, tp.partition))[0]
            for tp in PLACES
        }
        return {partition: offset for partition, offset in found.items() if offset >= 0}
