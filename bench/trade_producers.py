"""The producers that `bench_producer` compares: ours without REST, and the plain one.

    python -m bench.trade_producers ours|plain|read COUNT URL SERVERS

`ours` is the product's way from the socket to Kafka; each symbol's ids begin at 1, so that there is
nothing to ask REST for. `plain` sends a JSON message a trade, as a program of thirty lines would:
websockets, orjson, confluent-kafka with the same settings of delivery. `read` only reads. Each
prints READY, and DONE once all trades are acknowledged.
"""

import asyncio
import sys
import time

import orjson
from websockets.asyncio.client import connect

from bench.trade_frames import SYMBOLS
from clients.clock import steady_ms
from clients.kafka.followed_symbols import FollowedSymbols
from clients.kafka.opening import Packing, open_producer
from producers.binance.rest import RestClient
from producers.binance.sockets.opening import open_socket
from producers.trades.follower import Follower
from producers.trades.publisher import Publisher
from schemas import topics
from schemas.settings import KafkaSettings, Settings, load_settings

LOOK_S = 0.05


class Bare(Follower):
    """The stream without REST and roster."""

    async def measure(self, count: int) -> None:
        async with asyncio.TaskGroup() as tasks:
            for symbol in SYMBOLS:
                self._join(symbol)
                self._flows[symbol].continuity.start(1, now_ms=steady_ms(), silent=True)
            self._lines.carry(SYMBOLS, tasks)
            await self._lines.opened()
            print("READY", flush=True)
            running = [tasks.create_task(self._serve()), tasks.create_task(self._watch_quiet())]
            while self._counts.trades < count or self._publisher.records.waiting:  # noqa: ASYNC110 - polled
                await asyncio.sleep(LOOK_S)
            print("DONE", self._counts.blocks, flush=True)
            await asyncio.to_thread(sys.stdin.readline)
            for task in running:
                task.cancel()
            self._lines.carry((), tasks)


async def ours(count: int, url: str, servers: str) -> None:
    loaded = load_settings().model_dump()
    loaded["binance"]["stream_url"] = url
    loaded["kafka"]["bootstrap_servers"] = servers
    settings = Settings.model_validate(loaded)
    followed = FollowedSymbols(settings, name="bench")
    await Bare(settings, Publisher(settings.kafka), RestClient(url), followed).measure(count)


async def plain(count: int, url: str, servers: str) -> None:
    producer = open_producer(
        KafkaSettings(bootstrap_servers=servers),
        name="plain",
        packing=Packing(linger_ms=2, queue_records=500_000, queue_kib=512 * 1024),
        on_error=lambda _: None,
    )
    socket = await connect(url, ping_interval=None, compression=None, max_queue=4096)
    print("READY", flush=True)
    for number in range(count):
        raw = await socket.recv(decode=False)
        trade = orjson.loads(raw)["data"]
        producer.produce(topics.TRADES.name, value=raw, key=trade["s"])
        if number % 100 == 0:
            producer.poll(0)
    producer.flush()
    print("DONE", count, flush=True)
    await asyncio.to_thread(sys.stdin.readline)


async def read(count: int, url: str, _: str) -> None:
    socket = await open_socket(url, load_settings().stream.websocket_client)
    seen, enough = 0, asyncio.Event()

    def take(frames: object) -> None:
        nonlocal seen
        seen += len(frames)  # type: ignore[arg-type]
        if seen >= count:
            enough.set()

    print("READY", flush=True)
    socket.inbox.open(take, lambda: None)
    await enough.wait()
    print("DONE", 0, time.time(), flush=True)
    await asyncio.to_thread(sys.stdin.readline)


if __name__ == "__main__":
    name, count, url, servers = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
    asyncio.run({"ours": ours, "plain": plain, "read": read}[name](count, url, servers))
