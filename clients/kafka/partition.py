"""Which partition of a topic has a key: Kafka's own rule, so that we know without asking.

Source: Apache Kafka, BuiltInPartitioner.partitionForKey and Utils.toPositive.
"""

from aiokafka.partitioner import murmur2

_POSITIVE = 0x7FFFFFFF  # Kafka drops the sign bit; a remainder of a negative number would differ


def partition_of(key: str, partitions: int) -> int:
    """Return the partition of a key in a topic of so many partitions."""
    return (int(murmur2(key.encode())) & _POSITIVE) % partitions
