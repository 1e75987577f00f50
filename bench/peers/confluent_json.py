"""Peer: a hand-written confluent-kafka loop over JSON trades, with a list of floats a symbol.

Usage: confluent_json.py BOOTSTRAP TOPIC OUT CANDLES. Prints the seconds from the first record read
to the last candle handed over, and its CPU seconds in that time.
"""

import json
import sys
import time

import orjson
from confluent_kafka import Consumer, Producer

WINDOW_MS = 900_000


def main(bootstrap: str, topic: str, out: str, wanted: int) -> None:
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": f"peer-{time.time_ns()}",
            "auto.offset.reset": "earliest",
            "fetch.queue.backoff.ms": 5,
        }
    )
    consumer.subscribe([topic])
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 5, "compression.type": "lz4"})
    candles: dict[str, list[float]] = {}
    done, started, cpu = 0, 0.0, 0.0
    while done < wanted:
        messages = consumer.consume(10_000, 0.1)
        if messages and not started:
            started, cpu = time.perf_counter(), time.process_time()
        for message in messages:
            trade = orjson.loads(message.value())
            symbol, price, quantity = trade["s"], float(trade["p"]), float(trade["q"])
            window = trade["T"] // WINDOW_MS * WINDOW_MS
            candle = candles.get(symbol)
            if candle is None or candle[0] != window:
                candles[symbol] = [window, price, price, price, price, quantity, 1]
                if candle is not None:
                    producer.produce(out, json.dumps(candle).encode(), symbol)
                    done += 1
                continue
            if price > candle[2]:
                candle[2] = price
            elif price < candle[3]:
                candle[3] = price
            candle[4] = price
            candle[5] += quantity
            candle[6] += 1
        producer.poll(0)
    took, used = time.perf_counter() - started, time.process_time() - cpu
    producer.flush()
    print(json.dumps({"seconds": took, "cpu": used}))
    consumer.close()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
