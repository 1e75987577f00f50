"""The Kafka consumer of the sinks, with manual commits."""

from confluent_kafka import Consumer

from clients.kafka.opening import Membership, open_member

GROUP = "candlewick-sinks"


def sink_consumer(
    bootstrap_servers: str,
    *,
    instance: str | None,
    group: str = GROUP,
) -> Consumer:
    """Open a consumer in the sinks' group.

    Args:
        bootstrap_servers: Brokers, host:port, comma separated.
        instance: Unique name of this process in the group. With it, a restarted process gets its
            partitions back at once; without it, after the session timeout of the old process.
        group: Consumer group whose offsets are used.
    """
    return open_member(
        bootstrap_servers,
        Membership(group, instance, cooperative=True),
        fetch_wait_ms=100,
        memory_kib=16_384,
    )
