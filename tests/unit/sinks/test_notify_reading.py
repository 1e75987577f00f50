"""What notifications know of their topics: what may not be read yet, also after a standstill."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from confluent_kafka import Message, TopicPartition

from schemas import topics
from schemas.settings import KafkaSettings
from sinks.notify import reading as module
from sinks.notify.reading import ASKED_ANEW_MS, HELD_UP_MS, Reading
from sinks.notify.store import Store

GAPS, SYMBOL = topics.GAPS.name, "BTCUSDT"
END = 7


class Consumer:
    """One partition, of which these are the records that have come."""

    def __init__(self) -> None:
        self.come: list[Message] = []

    def assign(self, _: list[TopicPartition]) -> None:
        """Take it."""

    def consume(self, _: int, __: float) -> list[Message]:
        come, self.come = self.come, []
        return come

    def get_watermark_offsets(self, _: TopicPartition, *, cached: bool) -> tuple[int, int]:
        assert cached
        return 0, END

    def pause(self, _: list[TopicPartition]) -> None:
        """Read it no more."""

    def close(self) -> None:
        """Let the broker go."""


class Clock:
    def __init__(self) -> None:
        self.ms = 1_000_000

    def __call__(self) -> int:
        return self.ms


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "steady_ms", clock)
    return clock


@pytest.fixture
def consumer(monkeypatch: pytest.MonkeyPatch) -> Consumer:
    consumer = Consumer()
    monkeypatch.setattr(module, "open_reader", lambda *_, **__: consumer)
    monkeypatch.setattr(module, "topic_ids", lambda _, names: dict.fromkeys(names, "id"))
    monkeypatch.setattr(module, "spans_of", lambda *_: {0: (0, END), 1: (0, 0)})
    return consumer


@pytest.fixture
def reading(tmp_path: Path, clock: Clock, consumer: Consumer) -> Iterator[Reading]:
    del clock, consumer
    with (
        closing(Store(tmp_path / "store.sqlite")) as store,
        closing(Reading(KafkaSettings(), [topics.GAPS], store)) as reading,
    ):
        yield reading


def run(reading: Reading, clock: Clock, for_ms: int) -> None:
    for _ in range(for_ms // 1000):
        clock.ms += 1000
        assert list(reading.records()) == []


def test_after_a_standstill_the_ends_that_were_known_before_do_not_count(
    reading: Reading, clock: Clock
) -> None:
    run(reading, clock, 60_000)
    assert not reading.is_behind(GAPS, SYMBOL)

    clock.ms += 600_000  # the process alone stood still
    assert list(reading.records()) == []
    assert reading.is_behind(GAPS, SYMBOL)
    run(reading, clock, ASKED_ANEW_MS - 1000)
    assert reading.is_behind(GAPS, SYMBOL)
    run(reading, clock, 1000)
    assert not reading.is_behind(GAPS, SYMBOL)


def test_a_start_is_no_standstill(reading: Reading) -> None:
    assert list(reading.records()) == []
    assert not reading.is_behind(GAPS, SYMBOL)


def test_partitions_are_watched_while_all_that_comes_is_taken(
    reading: Reading, clock: Clock, consumer: Consumer
) -> None:
    everything = {(GAPS, 0): END - 1, (GAPS, 1): -1}
    assert reading.read_to() == {}  # not begun
    run(reading, clock, 1000)
    assert reading.read_to() == everything

    clock.ms += HELD_UP_MS  # a long round
    assert reading.read_to() == {}
    consumer.come = [Message(topic=GAPS, partition=0, offset=END + n) for n in range(500)]
    assert len(list(reading.records())) == 500
    assert reading.read_to() == {}  # there may be more
    run(reading, clock, 1000)
    assert reading.read_to() == everything

    reading.stand_still(GAPS, 0)
    reading.passed(GAPS, 1, 3)
    assert reading.read_to() == {(GAPS, 1): 2}
