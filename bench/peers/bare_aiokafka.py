"""Peer: the candle worker's own core behind a bare aiokafka consumer and producer, without Faust.

Usage: bare_aiokafka.py BOOTSTRAP GROUP. Runs until it is ended. What is missing is what Faust and
`processors/runtime` do besides: assignment with recovery of the states, rebalances, a fence, a
watchdog. It shows what these cost.
"""

import asyncio
import sys
import time
from functools import partial
from typing import Any

import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from processors.candles.block_messages import Message
from processors.candles.held_states import Closed, Stored
from processors.candles.keeping import Acknowledgements
from processors.candles.state import CandleRules
from processors.candles.worker import Acknowledged, CandleWorker
from processors.runtime.pace import Pace
from processors.runtime.producer import Bunch, Outgoing, send_bunch
from processors.runtime.stopped_partitions import Standing
from schemas import topics
from schemas.codecs import contract_header
from schemas.dead_letters import Origin
from schemas.market import Candle

EVERY_S = 1.0
HEADERS = (contract_header(Candle),)


class Outlet:
    def __init__(self, producer: AIOKafkaProducer) -> None:
        self.producer = producer
        self.sending: set[asyncio.Future[Any]] = set()

    async def closed(self, candles: list[Closed], acknowledged: Acknowledged) -> None:
        for bunch in await self.send(topics.CANDLES.name, candles):
            self.sending.add(bunch.sent)
            bunch.sent.add_done_callback(partial(self.told, bunch, acknowledged))

    def told(self, bunch: Bunch, acknowledged: Acknowledged, done: "asyncio.Future[Any]") -> None:
        self.sending.discard(done)
        done.result()
        acknowledged((record.key, record.value) for record in bunch.records)

    def under_way(self) -> Acknowledgements:
        return self.sending

    async def states(self, records: list[Stored]) -> Acknowledgements:
        outgoing = [Outgoing(r.key, r.value, partition=r.partition) for r in records]
        name = topics.CANDLE_CHANGELOG.name
        return [bunch.sent for bunch in await send_bunch(self.producer, name, outgoing)]

    async def live(self, candles: list[Closed]) -> None:
        await self.send(topics.CANDLES_LIVE.name, candles)

    async def dead_letter(self, _raw: bytes, origin: Origin) -> None:
        raise AssertionError(origin.reason)

    def letters(self) -> Acknowledgements:
        return ()

    async def send(self, topic: str, candles: list[Closed]) -> list[Bunch]:
        outgoing = [Outgoing(candle.key, candle.value, HEADERS) for candle in candles]
        return await send_bunch(self.producer, topic, outgoing)


async def read_again(_partition: int, _offset: int) -> int:
    return 0


async def main(bootstrap: str, group: str) -> None:
    consumer = AIOKafkaConsumer(
        topics.TRADES.name,
        bootstrap_servers=bootstrap,
        group_id=group,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        fetch_max_wait_ms=50,
    )
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap, compression_type="lz4", max_batch_size=131_072
    )
    rules = CandleRules(sends_proof=False)
    await producer.start()
    await consumer.start()
    partitions = len(consumer.partitions_for_topic(topics.TRADES.name) or ())
    worker = CandleWorker(
        {}, Outlet(producer), rules, read_again, Standing(), partitions=partitions
    )
    due, pace = time.monotonic() + EVERY_S, Pace(gather_s=0.1)
    while True:
        await asyncio.sleep(pace.wait_s(time.monotonic()))
        found = await consumer.getmany(timeout_ms=100)
        if found:
            size = sum(len(r.value) for records in found.values() for r in records)
            pace.polled(size, time.monotonic())
        await worker.take(
            [
                Message(r.key, r.value, r.headers, r.topic, r.partition, r.offset)
                for records in found.values()
                for r in records
            ]
        )
        if time.monotonic() < due:
            continue
        due += EVERY_S
        await worker.send_live()
        await worker.keeper.save()
        kept = {tp: worker.keeper.kept(tp.partition) for tp in consumer.assignment()}
        if done := {tp: offset for tp, offset in kept.items() if offset is not None}:
            await consumer.commit(done)


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], sys.argv[2]))
