"""The Kafka consumer of the sinks, with manual commits."""

from confluent_kafka import Consumer

from clients.kafka.opening import Membership, open_member
from schemas.settings import KafkaSettings

GROUP = "candlewick-sinks"
FETCH_BYTES = 64 * 1024


def sink_consumer(
    kafka: KafkaSettings,
    *,
    instance: str,
    fetch_wait_ms: int,
    group: str = GROUP,
) -> Consumer:
    """Open a consumer in the sinks' group.

    Args:
        kafka: Where the brokers are, and how to sign in.
        instance: Unique name of this process in the group; see `clients.kafka.member_name`.
        fetch_wait_ms: How long Kafka may collect `FETCH_BYTES` of records before it answers.
        group: Consumer group whose offsets are used.
    """
    return open_member(
        kafka,
        Membership(group, instance, cooperative=True),
        fetch_wait_ms=fetch_wait_ms,
        fetch_bytes=FETCH_BYTES,
        memory_kib=16_384,
    )
