"""What a subscription wants, and Kafka's client set for it."""

import logging
from dataclasses import dataclass

from confluent_kafka import KafkaError

from candlewick.client.start_position import Start
from schemas.topics import Topic

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Wish:
    """What to read.

    Attributes:
        servers: Brokers, host:port, comma separated.
        keys: Only records with these keys; empty for all.
        group: Whose offsets are used and committed; None for nobody's.
        follow: False ends once everything that is there was read.
    """

    servers: str
    topic: Topic
    keys: frozenset[bytes]
    start: Start
    group: str | None
    follow: bool


def consumer_config(wish: Wish) -> dict[str, object]:
    """Return the settings of librdkafka; nothing is committed but what was read in a group."""
    return {
        "bootstrap.servers": wish.servers,
        "group.id": wish.group or "candlewick-subscriber",
        "enable.auto.commit": wish.group is not None,
        "auto.commit.interval.ms": 1_000,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "error",
        "enable.partition.eof": not wish.follow,
        "fetch.queue.backoff.ms": 5,
        "log_level": 0,
        "error_cb": _say,
    }


def _say(error: KafkaError) -> None:
    if error.code() == KafkaError._ALL_BROKERS_DOWN:  # noqa: SLF001 - so named
        _log.warning("Kafka is away; waiting for it")
