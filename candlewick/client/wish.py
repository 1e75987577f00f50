"""What a subscription wants."""

from dataclasses import dataclass

from candlewick.client.start_position import Start
from schemas.topics import Topic


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
