"""The options of a subscription, checked and filled in."""

from dataclasses import dataclass

from candlewick.client.start_position import Start
from schemas.settings import KafkaSettings
from schemas.topics import Topic


@dataclass(frozen=True, slots=True)
class SubscriptionRequest:
    """The topic to read, where to start, and where to stop.

    Attributes:
        kafka: Where the brokers are, and how to sign in.
        keys: Record keys to return; empty for all.
        group: Consumer group that stores the offsets; None to store none.
        follow: If False, stop after the last record that is there when reading begins.
        replayed: Whether to return records of the past that a replay made.
    """

    kafka: KafkaSettings
    topic: Topic
    keys: frozenset[bytes]
    start: Start
    group: str | None
    follow: bool
    replayed: bool = False
