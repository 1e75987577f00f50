"""Leaving `candlewick.subscribe` while a real Kafka is there and does not answer."""

import os
import signal
import time
from pathlib import Path

import candlewick
from candlewick.client.start_position import PATIENCE_S
from schemas import topics
from tests.support.api_market import a_quarter, say
from tests.support.kafka_process import running_kafka


def test_a_group_is_left_in_time_while_kafka_is_frozen(tmp_path: Path) -> None:
    with running_kafka(tmp_path / "kafka") as kafka:
        say(kafka, topics.CANDLES, [a_quarter(0)])
        with candlewick.subscribe(
            "market.candles.v1", start="beginning", group="leaves", servers=kafka.bootstrap
        ) as candles:
            assert next(candles) == a_quarter(0)
            os.kill(kafka.pid, signal.SIGSTOP)
            began_s = time.monotonic()
            try:
                candles.close()
                took_s = time.monotonic() - began_s
            finally:
                os.kill(kafka.pid, signal.SIGCONT)

    assert took_s < 2 * PATIENCE_S
