"""Partitions of which nothing is read although records wait there, at a real broker."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import pytest
from confluent_kafka import TopicPartition

from clients.kafka import unread as unread_module
from clients.kafka.group import GroupOffsets, Place
from clients.kafka.opening import open_admin
from clients.kafka.partition import partition_of
from clients.kafka.unread import Unread
from clients.kafka.writer import Writer
from processors.training.trainer import Trainer
from processors.versions.follower import VersionFollower
from processors.versions.schedule import ModelSchedule
from schemas import topics
from schemas.codecs import Message
from schemas.settings import Settings
from schemas.topics import Topic
from tests.support.kafka_process import own_topic
from tests.support.servers import RunningKafka, running_kafka
from tests.support.stack import eventually

PARTITIONS = 2
DEADLINE_S = 60.0
HERE, THERE = "BTCUSDT", "ETHUSDT"


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningKafka]:
    with running_kafka(tmp_path_factory.mktemp("kafka"), partitions=PARTITIONS) as server:
        yield server


@pytest.fixture
def topic(kafka: RunningKafka, request: pytest.FixtureRequest) -> Topic:
    return own_topic(kafka, topics.TRADES, request.node.name, PARTITIONS)


def put(kafka: RunningKafka, topic: Topic, key: str, records: int) -> Place:
    writer = Writer(kafka.settings)
    for _ in range(records):
        writer.put(topic.name, Message(key.encode(), b"record", ()))
    return topic.name, partition_of(key, PARTITIONS)


@contextmanager
def watched(kafka: RunningKafka, read_to: dict[Place, int]) -> Iterator[list[str]]:
    """What is told of partitions that are read so far."""
    told = list[str]()
    looks = threading.Semaphore(0)

    def look() -> dict[Place, int]:
        looks.release()
        return dict(read_to)

    unread = Unread(
        GroupOffsets(kafka.settings), look, give_up=told.append, patience_s=0.2, look_s=0.05
    )
    unread.watch()
    try:
        for _ in range(2):  # the first look has ended
            assert looks.acquire(timeout=30)
        yield told
        for _ in range(10):  # it has looked often since
            assert looks.acquire(timeout=30)
    finally:
        unread.stop()


def test_one_partition_that_stands_still_is_told_by_its_name_again_and_again(
    kafka: RunningKafka, topic: Topic
) -> None:
    here, there = put(kafka, topic, HERE, 5), put(kafka, topic, THERE, 5)
    assert here != there

    with watched(kafka, {here: 4, there: 2}) as told:
        eventually(lambda: len(told) > 1)

    sentence = f"nothing was read from {topic.name} [{there[1]}] although records are waiting"
    assert set(told) == {sentence}


def test_a_partition_that_is_read_to_its_end_or_was_never_written_is_none(
    kafka: RunningKafka, topic: Topic
) -> None:
    here, there = put(kafka, topic, HERE, 5), (topic.name, partition_of(THERE, PARTITIONS))

    with watched(kafka, {here: 4, there: -1}) as told:
        pass

    assert told == []


def test_a_partition_whose_end_nobody_tells_keeps_no_other_from_being_watched(
    kafka: RunningKafka, topic: Topic
) -> None:
    here, missing = put(kafka, topic, HERE, 5), (topic.name, PARTITIONS)

    with watched(kafka, {here: 2, missing: 0}) as told:
        eventually(lambda: bool(told))

    assert set(told) == {
        f"nothing was read from {topic.name} [{here[1]}] although records are waiting"
    }


def test_records_that_retention_has_removed_do_not_wait(kafka: RunningKafka, topic: Topic) -> None:
    here = put(kafka, topic, HERE, 5)
    admin = open_admin(kafka.settings)
    removed = admin.delete_records([TopicPartition(*here, 5)])
    assert [one.result(30).low_watermark for one in removed.values()] == [5]

    with watched(kafka, {here: 2}) as told:
        pass

    assert told == []


def test_records_of_a_partition_of_which_nothing_was_ever_read_wait_too(
    kafka: RunningKafka, topic: Topic
) -> None:
    there = put(kafka, topic, THERE, 1)

    with watched(kafka, {there: -1}) as told:
        eventually(lambda: bool(told))

    assert f"{topic.name} [{there[1]}]" in told[0]


def test_the_trainer_tells_how_far_it_has_read_and_what_it_misses_is_noticed(
    kafka: RunningKafka,
) -> None:
    topic = topics.TRAINING_REQUESTS
    here, there = put(kafka, topic, HERE, 1), (topic.name, partition_of(THERE, PARTITIONS))
    settings = Settings.model_validate({"kafka": {"bootstrap_servers": kafka.bootstrap}})
    trainer, told = Trainer(settings, name="trainer-1"), list[str]()
    unread = Unread(
        GroupOffsets(kafka.settings),
        trainer.read_to,
        give_up=told.append,
        patience_s=0.2,
        look_s=0.05,
    )

    def is_told() -> bool:
        trainer._read(0.2)
        return bool(told)

    def is_read() -> bool:
        trainer._read(0.2)
        assert not trainer.read_to() or not trainer._waiting  # a training would be lost
        trainer._waiting.clear()
        return trainer.read_to() == {here: 0, there: -1}

    try:
        eventually(is_read)
        unread.watch()
        trainer._consumer.pause([TopicPartition(*there)])  # as if another broker were asked
        put(kafka, topic, THERE, 1)
        eventually(is_told)
    finally:
        unread.stop()
        trainer._close()

    assert f"{topic.name} [{there[1]}]" in told[0]


def test_the_follower_of_model_events_notices_a_partition_of_which_it_reads_nothing(
    kafka: RunningKafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unread_module, "Unread", partial(Unread, patience_s=0.2, look_s=0.05))
    topic, told = topics.MODEL_VERSIONS, list[str]()
    there = (topic.name, partition_of(THERE, PARTITIONS))
    follower = VersionFollower(kafka.settings, ModelSchedule(), told.append)

    async def followed() -> None:
        following = asyncio.create_task(follower.follow())
        await asyncio.wait_for(follower.caught_up.wait(), DEADLINE_S)
        follower._consumer.pause([TopicPartition(*there)])  # as if another broker were asked
        await asyncio.to_thread(put, kafka, topic, THERE, 1)
        await asyncio.to_thread(eventually, lambda: bool(told))
        following.cancel()

    asyncio.run(followed())
    assert f"{topic.name} [{there[1]}]" in told[0]
