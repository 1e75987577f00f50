"""The predictor as a process: it ends when it is told to, whatever it still waits for."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from candlewick.stack.environment import environment_of
from candlewick.stack.parent_death import leashed
from clients.process import START_ME_AGAIN
from schemas import codecs, topics
from schemas.dead_letters import read_letter
from schemas.settings import Settings
from schemas.timeframe import MINUTE_MS
from tests.support.candle_builders import trembling_minutes
from tests.support.kafka_process import committed_offsets
from tests.support.servers import RunningKafka, free_port, running_kafka

SYMBOL = "BTCUSDT"
HOUR_MS = 60 * MINUTE_MS
PATIENCE_S = 60.0
FROZEN_S = 5.0  # most of a session
ENDS_WITHIN_S = 10.0  # as long as the supervisor waits before it kills


@pytest.fixture
def kafka(tmp_path: Path) -> Iterator[RunningKafka]:
    with running_kafka(tmp_path / "kafka") as running:
        yield running


@pytest.fixture
def settings(kafka: RunningKafka, tmp_path: Path) -> Settings:
    """Of a store that does not answer: no symbol is warm before a minute is over."""
    return Settings.model_validate(
        {
            "symbols": SYMBOL,
            "data_dir": tmp_path / "data",
            "kafka": {"bootstrap_servers": kafka.bootstrap},
            "clickhouse": {"url": f"http://127.0.0.1:{free_port()}"},
        }
    )


@pytest.fixture
def predictor(settings: Settings, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    with (tmp_path / "predictor.log").open("wb") as log:
        process = subprocess.Popen(
            leashed([sys.executable, "-m", "processors", "predictor"]),
            env=os.environ | environment_of(settings),
            stdout=log,
            stderr=log,
        )
    yield process
    process.kill()
    process.wait()


def read_dead_letters(consumer: Consumer) -> None:
    name = topics.DEAD_LETTERS.name
    partitions = consumer.list_topics(name, timeout=PATIENCE_S).topics[name].partitions
    consumer.assign([TopicPartition(name, partition, 0) for partition in partitions])


def next_dead_record(consumer: Consumer) -> tuple[int, int]:
    """Return partition and offset of the record that is the next dead letter."""
    message = consumer.poll(PATIENCE_S)
    assert message is not None
    origin = read_letter(message.value(), message.headers()).origin
    return origin.partition, origin.offset


def test_frozen_past_its_session_it_leaves_and_a_newer_record_stops_its_partition_alone(
    kafka: RunningKafka, predictor: subprocess.Popen[bytes]
) -> None:
    servers = {"bootstrap.servers": kafka.bootstrap, "log_level": 0}
    producer = Producer(servers)
    newer: dict[str, str | bytes | None] = {"contract": b"candle.v2"}
    candle = codecs.encode(trembling_minutes(1)[0])
    name = topics.CANDLES.name
    producer.produce(name, b"\0\0\0\0\1abc", SYMBOL, partition=0, headers=newer)
    for value, partition in ((b"broken", 0), (candle, 1), (b"broken", 1)):
        producer.produce(name, value, "OTHERUSDT", partition=partition)
    assert producer.flush(PATIENCE_S) == 0
    consumer = Consumer(servers | {"group.id": topics.PREDICTION_APP})
    places = [TopicPartition(name, 0), TopicPartition(name, 1)]
    committed = [-1, -1]
    deadline = time.monotonic() + PATIENCE_S
    while committed[1] < 2 and time.monotonic() < deadline:
        committed = committed_offsets(consumer, places)

    predictor.send_signal(signal.SIGSTOP)
    silent = Consumer(servers | {"group.id": "nobody"})
    silent.assign([TopicPartition(topics.GAPS.name, 0, 0)])
    assert silent.poll(FROZEN_S) is None
    predictor.send_signal(signal.SIGCONT)

    assert predictor.wait(PATIENCE_S) == START_ME_AGAIN
    assert max(committed[0], 0) == 0
    assert committed[1] == 2
    silent.close()
    consumer.close()


def test_a_group_that_kafka_does_not_know_begins_with_what_came_just_now(
    kafka: RunningKafka, request: pytest.FixtureRequest
) -> None:
    servers = {"bootstrap.servers": kafka.bootstrap, "log_level": 0}
    producer, name = Producer(servers), topics.CANDLES.name
    now_ms = int(time.time() * 1000)
    for partition, age_ms in ((0, HOUR_MS), (0, MINUTE_MS), (1, HOUR_MS)):
        producer.produce(name, b"broken", SYMBOL, partition, timestamp=now_ms - age_ms)
    assert producer.flush(PATIENCE_S) == 0
    letters = Consumer(servers | {"group.id": "nobody"})
    read_dead_letters(letters)

    request.getfixturevalue("predictor")

    assert next_dead_record(letters) == (0, 1)
    producer.produce(name, b"broken", SYMBOL, partition=1)
    assert producer.flush(PATIENCE_S) == 0
    assert next_dead_record(letters) == (1, 1)
    letters.close()


def test_it_ends_at_once_with_candles_that_wait_for_their_symbol_and_keeps_them(
    kafka: RunningKafka, predictor: subprocess.Popen[bytes]
) -> None:
    servers = {"bootstrap.servers": kafka.bootstrap, "log_level": 0}
    producer = Producer(servers)
    candle = codecs.message_of(trembling_minutes(1)[0])
    for value in (candle.value, b"broken"):
        producer.produce(topics.CANDLES.name, value, SYMBOL, partition=0, headers=[*candle.headers])
    assert producer.flush(PATIENCE_S) == 0
    consumer = Consumer(servers | {"group.id": topics.PREDICTION_APP})
    read_dead_letters(consumer)
    next_dead_record(consumer)  # so the candle before it has been taken

    began = time.monotonic()
    predictor.send_signal(signal.SIGTERM)
    predictor.wait(PATIENCE_S)

    assert time.monotonic() - began < ENDS_WITHIN_S
    (committed,) = committed_offsets(consumer, [TopicPartition(topics.CANDLES.name, 0)])
    assert committed <= 0
    consumer.close()
