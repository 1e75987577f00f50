"""A record as it comes from Kafka, and where it is there."""

from confluent_kafka import Message

__all__ = ["Message", "place_of"]


def place_of(message: Message) -> tuple[str, int, int]:
    """Return topic, partition and offset of a message; -1 for a number that it does not have."""
    partition, offset = message.partition(), message.offset()
    return (
        message.topic() or "",
        -1 if partition is None else partition,
        -1 if offset is None else offset,
    )
