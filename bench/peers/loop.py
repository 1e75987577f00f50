"""Peer: a hand-written confluent-kafka loop over JSON trades, for the whole job.

Usage: loop.py BOOTSTRAP TOPIC OUT. 1m and 15m candles of nine fields, in Python integers: prices
and volumes in units of 1e-8, quote sums in 1e-16. A candle closes by the symbol's next trade.
Nothing survives a restart.
"""

import os
import sys

import orjson
from confluent_kafka import Consumer, Producer

MINUTE_MS, QUARTER_MS = 60_000, 900_000


class Loop:
    """The candles under construction: of a symbol the minute, and the 15 minutes without it."""

    def __init__(self, producer: Producer, out: str) -> None:
        self._producer = producer
        self._out = out
        self._minutes: dict[str, list[int]] = {}
        self._quarters: dict[str, list[int]] = {}

    def take(self, raw: bytes) -> None:
        trade = orjson.loads(raw)
        symbol, ms, sold = trade["s"], trade["T"], trade["m"]
        price, quantity = int(trade["p"].replace(".", "")), int(trade["q"].replace(".", ""))
        quote, fills = price * quantity, trade["l"] - trade["f"] + 1
        open_ms = ms - ms % MINUTE_MS
        candle = self._minutes.get(symbol)
        if candle is not None and candle[0] == open_ms:
            if price > candle[2]:
                candle[2] = price
            elif price < candle[3]:
                candle[3] = price
            candle[4] = price
            candle[5] += quantity
            candle[6] += quote
            candle[7] += fills
            if not sold:
                candle[8] += quantity
                candle[9] += quote
            return
        if candle is not None:
            if open_ms < candle[0]:
                return  # late
            self._close(symbol, candle, open_ms)
        bought = (0, 0) if sold else (quantity, quote)
        self._minutes[symbol] = [open_ms, *[price] * 4, quantity, quote, fills, *bought]

    def _close(self, symbol: str, minute: list[int], next_ms: int) -> None:
        self._send(symbol, "1m", minute)
        quarter = self._quarters.get(symbol)
        if quarter is None:
            quarter = self._quarters[symbol] = [minute[0] - minute[0] % QUARTER_MS, *minute[1:]]
        else:
            quarter[2:5] = max(quarter[2], minute[2]), min(quarter[3], minute[3]), minute[4]
            for at in range(5, 10):
                quarter[at] += minute[at]
        if next_ms >= quarter[0] + QUARTER_MS:
            self._send(symbol, "15m", quarter)
            del self._quarters[symbol]

    def _send(self, symbol: str, interval: str, candle: list[int]) -> None:
        ms, o, h, low, c, v, qv, n, tb, tq = candle
        text = (
            f'{{"s":"{symbol}","i":"{interval}","t":{ms},"o":{o},"h":{h},"l":{low},"c":{c},"v":{v},'
            f'"qv":{qv},"n":{n},"tb":{tb},"tq":{tq}}}'
        )
        self._producer.produce(self._out, text.encode(), symbol)


def main(bootstrap: str, topic: str, out: str) -> None:
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": f"loop-{os.getpid()}",
            "auto.offset.reset": "earliest",
            "fetch.queue.backoff.ms": 5,
        }
    )
    consumer.subscribe([topic])
    producer = Producer(
        {
            "bootstrap.servers": bootstrap,
            "linger.ms": 5,
            "compression.type": "lz4",
            "partitioner": "murmur2_random",
        }
    )
    loop = Loop(producer, out)
    while True:
        for message in consumer.consume(10_000, 0.02):
            if not message.error():
                loop.take(message.value() or b"")
        producer.poll(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
