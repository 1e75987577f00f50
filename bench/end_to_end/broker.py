"""The broker of a run: its topics, made anew, and a reader of candles."""

import time
from collections.abc import Callable

from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from bench.end_to_end.market import Fields, Key
from clients.kafka.topics import create_topics
from schemas.errors import CandlewickError
from schemas.settings import KafkaSettings

PARTITIONS = 4
PATIENCE_S = 60.0


def reset(servers: str, *more: str) -> None:
    """Delete every topic and group, and create the product's topics and some more."""
    admin = AdminClient({"bootstrap.servers": servers, "log_level": 0})
    groups = [one.group_id for one in admin.list_consumer_groups().result().valid]
    if groups:
        for future in admin.delete_consumer_groups(groups).values():
            future.exception()
    deadline = time.monotonic() + PATIENCE_S
    while names := [
        name for name in admin.list_topics(timeout=10).topics if not name.startswith("__")
    ]:
        assert time.monotonic() < deadline, f"{names} could not be deleted"
        for future in admin.delete_topics(names).values():
            future.exception()
    settings = KafkaSettings(bootstrap_servers=servers, partitions=PARTITIONS)
    while True:
        try:
            create_topics(settings)
            for name in more:
                if name not in admin.list_topics(timeout=10).topics:
                    admin.create_topics([NewTopic(name, PARTITIONS, 1)])[name].result()
        except (CandlewickError, KafkaException):  # a topic of that name is still being deleted
            assert time.monotonic() < deadline, "the topics could not be created"
            time.sleep(0.2)
        else:
            return


class CandleReader:
    """Reads the candles of a topic as they come; of one candle the newest value counts.

    Attributes:
        candles: The candles so far.
        seen_s: When each was first read.
        last_s: When one was last read.
    """

    def __init__(
        self, servers: str, topic: str, read: Callable[[bytes], tuple[Key, Fields]]
    ) -> None:
        self._consumer = Consumer(
            {"bootstrap.servers": servers, "group.id": "bench", "fetch.queue.backoff.ms": 5}
        )
        self._consumer.assign([TopicPartition(topic, i, 0) for i in range(PARTITIONS)])
        self._read = read
        self._new: set[Key] = set()
        self.candles: dict[Key, Fields] = {}
        self.seen_s: dict[Key, float] = {}
        self.last_s = 0.0

    def poll(self) -> None:
        for message in self._consumer.consume(1000, 0.02):
            if message.error():
                continue
            self.last_s = time.time()
            key, fields = self._read(message.value() or b"")
            if key not in self.candles:
                self._new.add(key)
                self.seen_s[key] = self.last_s
            self.candles[key] = fields

    def take_new(self) -> set[Key]:
        """Return the candles that were not there at the last call."""
        new, self._new = self._new, set()
        return new

    def close(self) -> None:
        self._consumer.close()
