"""A worker that is started before Kafka is there waits for it."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from confluent_kafka import Consumer, TopicPartition

from candlewick.stack.environment import environment_of
from candlewick.stack.parent_death import leashed
from schemas import codecs, topics
from schemas.market import Candle
from schemas.settings import KafkaSettings, Settings
from tests.support.feed import Feed
from tests.support.servers import free_port, running_kafka


def test_a_worker_waits_for_kafka_and_then_makes_candles(tmp_path: Path) -> None:
    port, log = free_port(), tmp_path / "worker.log"
    kafka = KafkaSettings(bootstrap_servers=f"127.0.0.1:{port}")
    command = leashed([sys.executable, "-m", "processors", "worker", "--name", "early"])
    with log.open("wb") as out:
        worker = subprocess.Popen(
            command,
            env=environment_of(Settings(kafka=kafka, data_dir=tmp_path)),
            stdout=out,
            stderr=out,
        )
    try:
        until(lambda: "waiting for it" in log.read_text(), worker, log)
        with running_kafka(tmp_path / "kafka", port=port), Feed(kafka.bootstrap_servers):
            reader = Consumer({"bootstrap.servers": kafka.bootstrap_servers, "group.id": "reader"})
            reader.assign([TopicPartition(topics.CANDLES.name, i, 0) for i in range(4)])
            found: list[Candle] = []
            until(lambda: take(reader, found), worker, log)
            reader.close()
    finally:
        worker.kill()
        worker.wait()

    assert found[0].trade_count > 0
    assert "Traceback" not in log.read_text()


def take(reader: Consumer, found: list[Candle]) -> bool:
    message = reader.poll(0.2)
    if message is not None and not message.error():
        found.append(codecs.decode(Candle, message.value() or b""))
    return bool(found)


def until(true: Callable[[], bool], worker: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert worker.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.02)
