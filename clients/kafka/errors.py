"""What an error of Kafka means for the caller, and calls to it with a limit."""

from collections.abc import Sequence
from typing import Final

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from clients.limits import within
from schemas.errors import ConfigurationError, RestartNeeded, Transient

ANSWER_S: Final = 10.0  # whole limit of a call
RETRY_S: Final = 0.5
# The library has no public name for codes of its own; they begin with an underscore.
_NO_TOPIC: Final = (KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC)  # noqa: SLF001
_LOST: Final = (
    KafkaError._FATAL,  # noqa: SLF001 - "a fatal error came before"; its `fatal()` is false
    KafkaError._FENCED,  # noqa: SLF001
    KafkaError.FENCED_INSTANCE_ID,
    KafkaError.INVALID_PRODUCER_EPOCH,
)
BROKERS_DOWN: Final = KafkaError._ALL_BROKERS_DOWN  # noqa: SLF001


def meaning(
    error: KafkaException | KafkaError, *, topic: str = "", place: str = ""
) -> Transient | RestartNeeded | ConfigurationError:
    """Return an error of Kafka as what to do next.

    Args:
        error: What the library raised, or gave to a callback.
        topic: Of the call, for a topic that is missing.
        place: Which brokers were asked, for the message.
    """
    cause: KafkaError = error.args[0] if isinstance(error, KafkaException) else error
    where = f" at {place}" if place else ""
    if cause.code() in _NO_TOPIC:
        return ConfigurationError(
            f"topic {topic} does not exist{where}: create the topics (`candlewick topics`)"
        )
    if cause.fatal() or cause.code() in _LOST:
        return RestartNeeded(f"Kafka{where} has shut this client out: {cause.str()}")
    return Transient(f"Kafka{where} does not answer: {cause.str()}", retry_after_s=RETRY_S)


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
