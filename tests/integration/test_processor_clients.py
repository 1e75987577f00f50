"""Clients of the processors: bounded in time, and what they cannot read is buried once."""

import asyncio
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from candlewick.stack.environment import environment_of
from candlewick.stack.parent_death import leashed
from clients.process import START_ME_AGAIN
from processors.history import History
from processors.predictor.score_writer import publish_scores
from processors.training.trainer import GROUP
from processors.versions.follower import VersionFollower
from processors.versions.schedule import ModelSchedule
from schemas import codecs, topics
from schemas.dead_letters import DeadLetter, read_letter
from schemas.errors import Transient
from schemas.predictions import ModelVersion, Score, TrainingRequest
from schemas.settings import ClickHouseSettings, KafkaSettings, Settings
from tests.support.builders import MINUTE_MS, START_MS
from tests.support.kafka_process import committed_offsets
from tests.support.servers import free_port, running_kafka

DEADLINE_S = 60.0
NEWER = (("contract", b"model_version.v2"),)
SCORE = Score(
    symbol="BTCUSDT",
    interval="15m",
    open_ms=START_MS,
    close_ms=START_MS + 15 * MINUTE_MS,
    issued_ms=START_MS + MINUTE_MS,
    minutes_to_close=14.0,
    model="reference",
    version="1",
    status="ready",
    champion=True,
    volatility_bp=1.0,
    price_e8=10**8,
    outcome_e8=10**8,
    error_bp=0.0,
    absolute_error_bp=0.0,
    squared_error_bp2=0.0,
    pinball_bp=0.0,
    winkler_50_bp=0.0,
    winkler_90_bp=0.0,
    width_50_bp=0.0,
    width_90_bp=0.0,
    covered_50=True,
    covered_90=True,
)
UNKNOWN_SCHEMA = b"\0\0\0\0\1abc"


@dataclass(frozen=True, slots=True)
class Stage:
    settings: Settings
    producer: Producer

    def send(
        self,
        topic: topics.Topic,
        value: bytes,
        key: bytes | None = None,
        *,
        partition: int,
        headers: Sequence[tuple[str, str | bytes | None]] = (),
    ) -> None:
        self.producer.produce(topic.name, value, key, partition, headers=list(headers))
        assert self.producer.flush(10) == 0

    def letters(self, count: int) -> list[DeadLetter]:
        """All dead letters, as soon as there are so many."""
        name, found = topics.DEAD_LETTERS.name, list[DeadLetter]()
        servers = self.settings.kafka.bootstrap_servers
        consumer = Consumer({"bootstrap.servers": servers, "group.id": "letters"})
        consumer.assign([TopicPartition(name, p, 0) for p in range(4)])
        deadline = time.monotonic() + DEADLINE_S
        while len(found) < count and time.monotonic() < deadline:
            messages = consumer.consume(100, 0.2)
            found += [read_letter(m.value(), m.headers()) for m in messages if not m.error()]
        consumer.close()
        return found


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("clients")
    with running_kafka(folder / "kafka") as kafka:
        settings = Settings.model_validate(
            {
                "symbols": "BTCUSDT",
                "data_dir": folder / "data",
                "kafka": {"bootstrap_servers": kafka.bootstrap},
                "clickhouse": {"url": f"http://127.0.0.1:{free_port()}"},
            }
        )
        yield Stage(settings, Producer({"bootstrap.servers": kafka.bootstrap}))


@contextmanager
def a_trainer(stage: Stage, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = leashed([sys.executable, "-m", "processors", "trainer", "--name", "twin"])
    with (folder / "trainer.log").open("ab") as said:
        environment = environment_of(stage.settings)
        process = subprocess.Popen(command, env=environment, stdout=said, stderr=said)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not holds():
        assert time.monotonic() < deadline, "it did not come in time"


def test_a_request_that_cannot_be_read_is_buried_and_a_trainer_that_is_shut_out_leaves(
    stage: Stage, tmp_path: Path
) -> None:
    servers = {"bootstrap.servers": stage.settings.kafka.bootstrap_servers, "log_level": 0}
    wish = TrainingRequest("BTCUSDT", "crystal-ball", START_MS, START_MS + 1, "me", START_MS)
    message = codecs.message_of(wish)
    stage.send(topics.TRAINING_REQUESTS, b"rubbish", partition=0)
    stage.send(topics.TRAINING_REQUESTS, message.value, key=message.key, partition=0)
    groups = Consumer(servers | {"group.id": GROUP})
    place = TopicPartition(topics.TRAINING_REQUESTS.name, 0)
    twin = Consumer(servers | {"group.id": GROUP, "group.instance.id": "twin"})
    with a_trainer(stage, tmp_path) as trainer:
        wait_until(lambda: committed_offsets(groups, [place]) == [2])
        twin.subscribe([topics.TRAINING_REQUESTS.name])  # of the same name: the older must go
        wait_until(lambda: twin.poll(0.1) is None and trainer.poll() is not None)
        exit_code = trainer.returncode
    twin.close()
    groups.close()

    letters = [x for x in stage.letters(1) if x.origin.topic == topics.TRAINING_REQUESTS.name]
    assert [(x.origin.reader, x.origin.offset, x.value) for x in letters] == [
        (GROUP, 0, b"rubbish")
    ]
    assert exit_code == START_ME_AGAIN


def test_model_events_that_cannot_be_read_hold_up_none_behind_them(stage: Stage) -> None:
    def event(version: str) -> codecs.Message:
        details = '{"effective_ms": 1, "symbols": ["BTCUSDT"]}'
        return codecs.message_of(
            ModelVersion("batch", version, "", "promoted", START_MS, "because", details)
        )

    async def followed() -> tuple[set[str], set[str]]:
        changes = ModelSchedule()
        follower = VersionFollower(stage.settings.kafka, changes)
        following = asyncio.create_task(follower.follow())
        await asyncio.wait_for(follower.caught_up.wait(), DEADLINE_S)
        before = {change.version for change in changes.of("BTCUSDT")}
        for value, key in ((b"later rubbish", b"x"), (event("v2").value, event("v2").key)):
            stage.send(topics.MODEL_VERSIONS, value, key=key, partition=1)
        async with asyncio.timeout(DEADLINE_S):
            while len(changes.of("BTCUSDT")) < 2:  # noqa: ASYNC110 - nothing tells of a change
                await asyncio.sleep(0.05)
        following.cancel()
        return before, {change.version for change in changes.of("BTCUSDT")}

    stage.send(topics.MODEL_VERSIONS, UNKNOWN_SCHEMA, key=b"x", partition=0, headers=NEWER)
    stage.send(topics.MODEL_VERSIONS, event("v1").value, key=event("v1").key, partition=1)
    before, after = asyncio.run(followed())

    assert (before, after) == ({"v1"}, {"v1", "v2"})
    letters = [x for x in stage.letters(2) if x.origin.topic == topics.MODEL_VERSIONS.name]
    assert [(x.origin.reader, x.value) for x in letters] == [
        (topics.PREDICTION_APP, b"later rubbish")
    ]


def test_a_store_whose_answer_drips_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip() -> None:
            with suppress(OSError):
                client, _ = server.accept()
                with client:
                    client.recv(65_536)
                    client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
                    while True:
                        client.sendall(b"1")
                        client.settimeout(0.05)
                        with suppress(TimeoutError):
                            client.recv(1)

        Thread(target=drip, daemon=True).start()
        settings = ClickHouseSettings.model_validate(
            {"url": f"http://127.0.0.1:{server.getsockname()[1]}"}
        )
        began = time.monotonic()
        with pytest.raises(Transient):
            History(settings, answer_s=0.5)

        assert time.monotonic() - began < 5


def test_scores_that_kafka_does_not_take_are_to_be_sent_again() -> None:
    nobody = KafkaSettings(bootstrap_servers=f"127.0.0.1:{free_port()}")
    with pytest.raises(Transient):
        publish_scores(nobody, [SCORE], patience_s=0.2)
