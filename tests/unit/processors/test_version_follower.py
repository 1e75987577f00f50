"""What the follower of model events tells of its partitions, over a consumer in memory."""

import asyncio

import pytest
from confluent_kafka import Message, TopicPartition

from processors.versions import follower as module
from processors.versions.follower import VersionFollower
from processors.versions.schedule import ModelSchedule
from schemas import topics
from schemas.codecs import CONTRACT_HEADER, message_of
from schemas.settings import KafkaSettings
from tests.support.api_market import a_model_event

EVENTS = topics.MODEL_VERSIONS.name
NEWER = [(CONTRACT_HEADER, b"model_version.v9")]


class Events:
    """A consumer of two partitions to which these records have come."""

    def __init__(self) -> None:
        self.come: list[Message] = []

    def assign(self, _: list[TopicPartition]) -> None:
        """Take it."""

    def pause(self, _: list[TopicPartition]) -> None:
        """Read it no more."""

    def consume(self, count: int, _: float) -> list[Message]:
        come, self.come = self.come[:count], self.come[count:]
        return come


def an_event(partition: int, offset: int) -> Message:
    made = message_of(a_model_event("drift"))
    return Message(
        topic=EVENTS, partition=partition, offset=offset, value=made.value, headers=[*made.headers]
    )


def a_newer(offset: int) -> Message:
    raw = b"\0\0\0\0\7"
    return Message(topic=EVENTS, partition=1, offset=offset, value=raw, headers=NEWER)


def test_partitions_are_watched_but_those_that_stand_still(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    events = Events()
    monkeypatch.setattr(module, "open_reader", lambda *_, **__: events)
    monkeypatch.setattr(module, "partitions_of", lambda *_, **__: [0, 1])
    left = list[str]()
    follower = VersionFollower(KafkaSettings(), ModelSchedule(), left.append)

    async def read() -> dict[tuple[str, int], int]:
        await follower._read()
        return follower._so_far.read_to()

    assert follower._assign()
    assert asyncio.run(read()) == {(EVENTS, 0): -1, (EVENTS, 1): -1}
    events.come = [an_event(0, 3), an_event(1, 5)]
    assert asyncio.run(read()) == {(EVENTS, 0): 3, (EVENTS, 1): 5}
    events.come = [a_newer(6), an_event(1, 7), an_event(0, 4)]  # fetched before it was stopped
    assert asyncio.run(read()) == {(EVENTS, 0): 4}
    assert left == []

    follower._so_far.stuck = "nothing was read"
    asyncio.run(follower._read())
    assert left == ["nothing was read"]
