"""Commits with a limit."""

from collections.abc import Sequence

from confluent_kafka import Consumer, KafkaException, TopicPartition

from clients.kafka.errors import ANSWER_S, meaning
from clients.limits import within
from schemas.errors import RestartNeeded, Transient


class Commits:
    """Commits the offsets of a consumer, each time within `ANSWER_S`.

    The library's own commit has no limit: while the group settles anew it waits for callbacks that
    only the thread that reads can run, and that thread is the one that commits.
    """

    def __init__(self, consumer: Consumer) -> None:
        self._consumer = consumer
        self._unanswered = False

    def commit(self, offsets: Sequence[TopicPartition]) -> None:
        """Commit, and wait until the broker has it.

        Raises:
            Transient: It does not answer now, or the group settles anew.
            RestartNeeded: This consumer is shut out, or two commits on end had no answer.
        """
        wanted = list(offsets)
        try:
            answers = within(
                ANSWER_S,
                "Kafka (commit)",
                lambda: self._consumer.commit(offsets=wanted, asynchronous=False),
            )
        except KafkaException as error:
            raise meaning(error) from error
        except Transient as error:
            if self._unanswered:
                raise RestartNeeded(f"{error}, twice") from error
            self._unanswered = True
            raise
        self._unanswered = False
        for answer in answers or []:
            if answer.error is not None:
                raise meaning(answer.error, topic=answer.topic)
