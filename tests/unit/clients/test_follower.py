"""What who follows a topic tells of its partitions, over a consumer in memory."""

import time

import pytest
from confluent_kafka import Message, TopicPartition

from clients.kafka import follower, unread
from clients.kafka.follower import TopicFollower
from schemas import topics
from schemas.settings import KafkaSettings

NAME = topics.GAPS.name


class Consumer:
    """A consumer to which these records have come."""

    def __init__(self) -> None:
        self.come: list[Message] = []

    def assign(self, _: list[TopicPartition]) -> None:
        """Take it."""

    def consume(self, count: int, _: float) -> list[Message]:
        come, self.come = self.come[:count], self.come[count:]
        return come

    def close(self) -> None:
        """Let the broker go."""


@pytest.fixture
def consumer(monkeypatch: pytest.MonkeyPatch) -> Consumer:
    consumer = Consumer()
    monkeypatch.setattr(follower, "open_reader", lambda *_, **__: consumer)
    monkeypatch.setattr(follower, "spans_of", lambda *_, **__: {0: (0, 0), 1: (2, 9)})
    return consumer


def test_partitions_are_watched_while_all_that_comes_is_taken(
    consumer: Consumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = time.monotonic()
    following = TopicFollower(KafkaSettings(), topics.GAPS, from_beginning=True)
    come = following.follow()
    assert following._read.read_to() == {}  # nothing was asked for yet
    assert next(come) == []
    assert following._read.read_to() == {(NAME, 0): -1, (NAME, 1): 1}

    now_s += 60  # a pager that waits for a person
    monkeypatch.setattr(unread.time, "monotonic", lambda: now_s)
    assert following._read.read_to() == {}
    consumer.come = [Message(topic=NAME, partition=0, offset=n) for n in range(600)]
    assert len(next(come)) == 500
    assert following._read.read_to() == {}  # there may be more
    assert len(next(come)) == 100
    assert following._read.read_to() == {(NAME, 0): 599, (NAME, 1): 1}
    following.close()
