"""What the trainer tells of its partitions, over a consumer in memory."""

from collections.abc import Callable

import pytest
from confluent_kafka import KafkaError, KafkaException, Message, TopicPartition

from processors.training import trainer as module
from processors.training.trainer import Trainer
from schemas import topics
from schemas.errors import ContractMismatch
from schemas.settings import Settings

REQUESTS = topics.TRAINING_REQUESTS.name
HERE, THERE = (REQUESTS, 0), (REQUESTS, 1)
PLACES = [TopicPartition(*HERE), TopicPartition(*THERE)]


class Requests:
    """A consumer of two partitions: 5 records of the first are committed, none of the second."""

    def __init__(self) -> None:
        self.waiting: list[Message] = []
        self.answers = True

    def subscribe(self, _: list[str], **told: Callable[..., None]) -> None:
        self.told = told

    def committed(self, places: list[TopicPartition], timeout: float) -> list[TopicPartition]:
        assert timeout < 30
        if not self.answers:
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))
        offsets = {0: 5, 1: -1001}
        return [TopicPartition(p.topic, p.partition, offsets[p.partition]) for p in places]

    def poll(self, _: float) -> Message | None:
        return self.waiting.pop(0) if self.waiting else None

    def pause(self, _: list[TopicPartition]) -> None:
        """Read it no more."""


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> Requests:
    requests = Requests()
    monkeypatch.setattr(module, "open_member", lambda *_: requests)
    return requests


@pytest.fixture
def trainer(requests: Requests) -> Trainer:
    del requests
    return Trainer(Settings(), name="trainer-1")


def test_partitions_are_watched_while_no_request_waits(
    trainer: Trainer, requests: Requests, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_ms = [1_000_000]
    monkeypatch.setattr(module, "steady_ms", lambda: now_ms[0])
    requests.told["on_assign"](requests, PLACES)
    assert trainer.read_to() == {}  # nothing was asked for yet
    trainer._read(0)
    assert trainer.read_to() == {HERE: 4, THERE: -1}

    requests.waiting = [Message(topic=REQUESTS, partition=1, offset=0, value=b"")]
    trainer._read(0)
    trainer._read(0)
    assert trainer.read_to() == {}  # a training, which a new process would begin anew
    trainer._waiting.clear()
    assert trainer.read_to() == {HERE: 4, THERE: 0}

    now_ms[0] += 10_000  # a call that lasts
    assert trainer.read_to() == {}
    trainer._read(0)
    trainer._standing.stop(*THERE, 0, ContractMismatch("newer"))
    assert trainer.read_to() == {HERE: 4}


@pytest.mark.parametrize("how", ["on_revoke", "on_lost"])
def test_partitions_of_others_are_not_watched(
    trainer: Trainer, requests: Requests, how: str
) -> None:
    requests.told["on_assign"](requests, PLACES)
    trainer._read(0)
    requests.told[how](requests, PLACES)

    assert trainer.read_to() == {}


def test_a_partition_whose_offset_nobody_told_is_watched_once_it_was_read(
    trainer: Trainer, requests: Requests
) -> None:
    requests.answers = False
    requests.told["on_assign"](requests, PLACES)
    requests.waiting = [Message(topic=REQUESTS, partition=1, offset=7, value=b"")]
    trainer._read(0)
    trainer._waiting.clear()
    trainer._read(0)

    assert trainer.read_to() == {THERE: 7}
