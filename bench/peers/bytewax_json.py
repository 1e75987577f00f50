"""Peer: bytewax with its Kafka source, JSON trades and event-time tumbling windows.

Usage: bytewax_json.py BOOTSTRAP TOPIC OUT CANDLES. Prints the same values as confluent_json.py.
Settings are those of bytewax's windowing guide; a candle is a list of floats.
"""

import json
import os
import sys
import time
from datetime import UTC, datetime, timedelta

import bytewax.operators as op
import bytewax.operators.windowing as win
import orjson
from bytewax.connectors.kafka import KafkaSinkMessage
from bytewax.connectors.kafka import operators as kop
from bytewax.dataflow import Dataflow
from bytewax.testing import run_main

ALIGN = datetime(2024, 1, 1, tzinfo=UTC)
state = {"done": 0, "started": 0.0, "cpu": 0.0}


def main(bootstrap: str, topic: str, out: str, wanted: int) -> None:
    flow = Dataflow("candles")
    settings = {"fetch.queue.backoff.ms": "5"}
    source = kop.input(
        "in", flow, brokers=[bootstrap], topics=[topic], batch_size=10_000, add_config=settings
    )

    def decode(message):  # noqa: ANN001, ANN202 - bytewax's types are private
        if not state["started"]:
            state["started"], state["cpu"] = time.perf_counter(), time.process_time()
        trade = orjson.loads(message.value)
        return trade["s"], (trade["T"], float(trade["p"]), float(trade["q"]))

    def fold(candle, trade):  # noqa: ANN001, ANN202 - bytewax's types are private
        _, price, quantity = trade
        if candle is None:
            return [price, price, price, price, quantity, 1]
        candle[1] = max(candle[1], price)
        candle[2] = min(candle[2], price)
        candle[3] = price
        candle[4] += quantity
        candle[5] += 1
        return candle

    def hand_over(row):  # noqa: ANN001, ANN202 - bytewax's types are private
        symbol, (window, candle) = row
        state["done"] += 1
        if state["done"] == wanted:
            seconds = time.perf_counter() - state["started"]
            used = time.process_time() - state["cpu"]
            print(json.dumps({"seconds": seconds, "cpu": used}), flush=True)
            os._exit(0)
        return KafkaSinkMessage(symbol.encode(), json.dumps([window, *candle]).encode())

    keyed = op.map("decode", source.oks, decode)
    clock = win.EventClock(
        ts_getter=lambda t: datetime.fromtimestamp(t[0] / 1000, UTC),
        # The watermark also advances with the system clock: with a wait of 0 it would drop trades
        # that arrive a poll later than the newest one, though only milliseconds after it in event
        # time.
        wait_for_system_duration=timedelta(seconds=60),
    )
    windower = win.TumblingWindower(length=timedelta(minutes=15), align_to=ALIGN)
    windows = win.fold_window(
        "fold", keyed, clock, windower, lambda: None, fold, lambda a, b: a or b, ordered=False
    )
    kop.output("out", op.map("candle", windows.down, hand_over), brokers=[bootstrap], topic=out)
    run_main(flow)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
