"""Peer: websocket frames into Kafka, a JSON message a trade, keyed by symbol.

Usage: plain_producer.py BOOTSTRAP TOPIC URL. The frame itself is the message. The websocket client
and the settings of both clients are the project's.
"""

import asyncio
import sys

import orjson
from confluent_kafka import Producer
from websockets.asyncio.client import connect


async def main(bootstrap: str, topic: str, url: str) -> None:
    producer = Producer(
        {
            "bootstrap.servers": bootstrap,
            "enable.idempotence": True,
            "acks": "all",
            "compression.type": "lz4",
            "partitioner": "murmur2_random",
            "linger.ms": 2,
            "queue.buffering.max.messages": 200_000,
        }
    )
    serving = asyncio.create_task(serve(producer))
    socket = await connect(
        url, ping_interval=None, compression=None, max_size=1 << 20, max_queue=4096
    )
    while not serving.done():
        raw = await socket.recv(decode=False)
        symbol = orjson.loads(raw)["s"]
        while True:
            try:
                producer.produce(topic, raw, symbol)
                break
            except BufferError:
                producer.poll(0.01)


async def serve(producer: Producer) -> None:
    while True:
        producer.poll(0)
        await asyncio.sleep(0.02)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
