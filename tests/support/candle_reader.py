"""Reads what candle workers have made, and compares it with the truth."""

import time
from collections.abc import Callable
from typing import Self

from confluent_kafka import Consumer, TopicPartition

from schemas import codecs, topics
from schemas.market import Candle
from schemas.topics import Topic
from tests.support.builders import newest_revisions
from tests.support.kafka_process import RunningKafka

PARTITIONS = 4
Key = tuple[str, str, int]


class CandleReader:
    """Collects what a topic of candles holds."""

    def __init__(self, kafka: RunningKafka, topic: Topic = topics.CANDLES) -> None:
        self._consumer = Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": "reader"})
        places = [TopicPartition(topic.name, i, 0) for i in range(PARTITIONS)]
        self._consumer.assign(places)
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

    def read_until(self, holds: Callable[[], bool], *, within_s: float) -> None:
        """Read until it is so; whether it came in time is the test's to judge."""
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline and not holds():
            self.read()

    def read_until_all_of(self, truth: dict[Key, Candle], *, within_s: float) -> None:
        self.read_until(lambda: newest_revisions(self.candles) == truth, within_s=within_s)

    def read_another(self, *, within_s: float) -> None:
        """Read until one more candle comes."""
        known = len(self.candles)
        self.read_until(lambda: len(self.candles) > known, within_s=within_s)
        assert len(self.candles) > known, f"no candle came within {within_s:.0f} s"


def differences(got: dict[Key, Candle], truth: dict[Key, Candle]) -> list[Key]:
    return sorted(key for key in got.keys() | truth.keys() if got.get(key) != truth.get(key))
