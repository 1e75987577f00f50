"""The Faust candle worker against a real Kafka: killed, frozen, fed rubbish."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from candlewick.leash import leashed
from schemas import codecs, topics
from schemas.market import Candle
from tests.builders import newest_revisions
from tests.feed import Feed
from tests.kafka_process import RunningKafka, running_kafka

PARTITIONS = 4
Key = tuple[str, str, int]


@pytest.fixture
def kafka(tmp_path: Path) -> Iterator[RunningKafka]:
    with running_kafka(tmp_path / "kafka", partitions=PARTITIONS) as server:
        yield server


@contextmanager
def a_worker(
    kafka: RunningKafka, folder: Path, name: str = "worker-1"
) -> Iterator[subprocess.Popen[bytes]]:
    environment = os.environ | {
        "CANDLEWICK_KAFKA__BOOTSTRAP_SERVERS": kafka.bootstrap,
        "CANDLEWICK_KAFKA__PARTITIONS": str(PARTITIONS),
        "CANDLEWICK_DATA_DIR": str(folder),
        "CANDLEWICK_LOG_LEVEL": "WARNING",
    }
    command = leashed([sys.executable, "-m", "processors", "worker", "--name", name])
    with (folder / f"{name}.log").open("ab") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


class CandleReader:
    """Collects what the candles topic holds."""

    def __init__(self, kafka: RunningKafka) -> None:
        self._consumer = Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": "reader"})
        name = topics.CANDLES.name
        self._consumer.assign([TopicPartition(name, i, 0) for i in range(PARTITIONS)])
        self.candles: list[Candle] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._consumer.close()

    def read(self) -> int:
        messages = self._consumer.consume(1000, timeout=0.2)
        values = [message.value() for message in messages if not message.error()]
        self.candles += [codecs.decode(Candle, value) for value in values if value]
        return len(values)

    def read_for(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.read()

    def read_until_all_of(self, truth: dict[Key, Candle], *, within_s: float) -> None:
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline and newest_revisions(self.candles) != truth:
            self.read()


def differences(got: dict[Key, Candle], truth: dict[Key, Candle]) -> list[Key]:
    return sorted(key for key in got.keys() | truth.keys() if got.get(key) != truth.get(key))


def test_nothing_is_lost_or_wrong_when_workers_are_killed_in_turn(
    kafka: RunningKafka, tmp_path: Path
) -> None:
    with Feed(kafka.bootstrap) as feed, CandleReader(kafka) as reader:
        for name in ("worker-1", "worker-1", "worker-2", "worker-1"):
            with a_worker(kafka, tmp_path, name):
                reader.read_for(5.0 if name == "worker-1" else 9.0)
        feed.stop()
        truth = feed.candles()
        with a_worker(kafka, tmp_path, "worker-1"):
            reader.read_until_all_of(truth, within_s=30)

    assert len(truth) > 300
    assert differences(newest_revisions(reader.candles), truth) == []


def test_another_worker_takes_over_from_a_killed_one_within_ten_seconds(
    kafka: RunningKafka, tmp_path: Path
) -> None:
    with (
        Feed(kafka.bootstrap) as feed,
        CandleReader(kafka) as reader,
        a_worker(kafka, tmp_path, "worker-1") as first,
        a_worker(kafka, tmp_path, "worker-2"),
    ):
        everyone = {block.symbol for block in feed.sent}
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and {c.symbol for c in reader.candles} != everyone:
            reader.read()
            everyone = {block.symbol for block in feed.sent}
        first.kill()
        killed = time.monotonic()
        behind = set(feed.candles())
        known = len(reader.candles)
        while time.monotonic() < killed + 30:
            reader.read()
            fresh = {c.symbol for c in reader.candles[known:]}
            if fresh == everyone and behind <= set(newest_revisions(reader.candles)):
                break
        took_s = time.monotonic() - killed
        feed.stop()
        truth = feed.candles()
        reader.read_until_all_of(truth, within_s=30)

    assert took_s < 10
    assert differences(newest_revisions(reader.candles), truth) == []


def test_a_worker_that_was_frozen_past_its_session_leaves_without_writing(
    kafka: RunningKafka, tmp_path: Path
) -> None:
    with Feed(kafka.bootstrap) as feed, CandleReader(kafka) as reader:
        with a_worker(kafka, tmp_path) as worker:
            while not reader.candles:
                reader.read()
            worker.send_signal(signal.SIGSTOP)
            reader.read_for(4.5)
            worker.send_signal(signal.SIGCONT)
            exit_code = worker.wait(20)
        feed.stop()
        truth = feed.candles()
        with a_worker(kafka, tmp_path):
            reader.read_until_all_of(truth, within_s=30)

    assert exit_code == os.EX_TEMPFAIL
    assert differences(newest_revisions(reader.candles), truth) == []


def test_a_record_that_cannot_be_read_goes_to_the_dead_letters_and_the_rest_goes_on(
    kafka: RunningKafka, tmp_path: Path
) -> None:
    producer = Producer({"bootstrap.servers": kafka.bootstrap, "partitioner": "murmur2_random"})
    for rubbish in (b"", b"\x01rubbish", codecs.encode(next(iter(Feed("")._blocks())))[:-3]):
        producer.produce(topics.TRADES.name, rubbish, "COIN0USDT")
    producer.flush()
    letters = Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": "letters"})
    letters.assign([TopicPartition(topics.DEAD_LETTERS.name, i, 0) for i in range(PARTITIONS)])

    with Feed(kafka.bootstrap) as feed, CandleReader(kafka) as reader, a_worker(kafka, tmp_path):
        found = letters.consume(3, timeout=30)
        feed.stop()
        truth = feed.candles()
        reader.read_until_all_of(truth, within_s=30)
    letters.close()

    assert len(found) == 3
    assert all(dict(letter.headers() or [])["reason"] for letter in found)
    assert differences(newest_revisions(reader.candles), truth) == []
