"""What Kafka knows of the sinks' partitions: what was committed, and where a log ends."""

from typing import Final

from confluent_kafka import Consumer, KafkaException, TopicPartition

from clients.kafka.errors import meaning
from clients.watching.log import EventLog
from schemas.errors import RestartNeeded, Transient
from sinks.batches import Pending

_ANSWER_S: Final = 10.0
_log: Final = EventLog(__name__)


def committed_of(consumer: Consumer, partitions: list[TopicPartition]) -> list[TopicPartition]:
    """Return the committed offset and its metadata for partitions that are being assigned.

    Raises:
        RestartNeeded: Kafka does not tell it now; a new process gets the partitions once more.
        ConfigurationError: A topic is missing, or a login is refused.
    """
    try:
        return consumer.committed(partitions, timeout=_ANSWER_S)
    except KafkaException as error:
        cause = meaning(error)
        if isinstance(cause, Transient):
            raise RestartNeeded(str(cause)) from error
        raise cause from error


def forget_lost_plan(consumer: Consumer, place: tuple[str, int], pending: Pending) -> None:
    """Forget a planned batch whose end is not in the log: a power cut may have taken it away."""
    if pending.planned is None:
        return
    topic, partition = place
    try:
        found = consumer.get_watermark_offsets(TopicPartition(*place), timeout=_ANSWER_S)
    except KafkaException:
        return  # it is asked again
    if found is not None and found[1] <= pending.planned:
        _log.warning(
            "plan_forgotten",
            "{topic} [{partition}] ends at {end}, and a batch was begun up to {planned}: Kafka has "
            "lost records",
            topic=topic,
            partition=partition,
            end=found[1],
            planned=pending.planned,
        )
        pending.planned = None
