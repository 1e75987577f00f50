"""Reading Kafka without a group: the consumer of whoever follows, catches up, or looks one up."""

import logging
from typing import Final

from confluent_kafka import Consumer, Message

from clients.kafka.opening import open_reader
from clients.limits import within
from schemas.errors import Transient

LOG = logging.getLogger(__name__)
PATIENCE_S: Final = 5.0
POLL_S: Final = 0.2
_TOGETHER_S = 0.02  # what comes within so much of the first goes to the subscribers in one piece
_POLL_MESSAGES = 2000


def new_consumer(servers: str) -> Consumer:
    """Return a consumer that belongs to no group's offsets."""
    return open_reader(servers, "candlewick-api", fetch_wait_ms=20, memory_kib=4_096)


def next_messages(consumer: Consumer) -> list[Message]:
    """Wait for a message, a fifth of a second at most; returns it with what comes just after."""
    # `consume` alone waits all its time, however soon the first message comes.
    first = consumer.poll(POLL_S)
    return [] if first is None else [first, *consumer.consume(_POLL_MESSAGES, _TOGETHER_S)]


def close(consumer: Consumer) -> None:
    """Close a consumer; one that Kafka keeps waiting is left behind."""
    try:
        within(PATIENCE_S, "Kafka (closing a consumer)", consumer.close)
    except Transient as error:
        LOG.warning("%s", error)
