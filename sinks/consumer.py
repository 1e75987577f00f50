"""The sinks' consumer: of their group, committed by hand."""

from confluent_kafka import Consumer

from clients.kafka.opening import Membership, open_member

GROUP = "candlewick-sinks"


def sink_consumer(
    bootstrap_servers: str,
    *,
    instance: str | None,
    group: str = GROUP,
) -> Consumer:
    """Return a consumer of the sinks' group.

    Args:
        bootstrap_servers: Brokers, host:port, comma separated.
        instance: Name of this process in the group, unique in it. With one, a restarted process
            has its partitions back at once; without, after the session timeout of the old one.
        group: Whose offsets are used.
    """
    return open_member(
        bootstrap_servers,
        Membership(group, instance, cooperative=True),
        fetch_wait_ms=100,
        memory_kib=16_384,
    )
