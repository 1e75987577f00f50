"""What an error of Kafka means for the caller, in one sentence each."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from confluent_kafka import KafkaError, KafkaException

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
TIMED_OUT: Final = KafkaError._TIMED_OUT  # noqa: SLF001
# Told to the callback only: the library tries again, and what waits for it times out.
NOT_LET_IN: Final = (KafkaError._AUTHENTICATION, KafkaError._SSL)  # noqa: SLF001
_UNUSABLE: Final = KafkaError._INVALID_ARG  # noqa: SLF001 - settings that no client can have
PARTITION_END: Final = KafkaError._PARTITION_EOF  # noqa: SLF001
TOO_SLOW: Final = KafkaError._MAX_POLL_EXCEEDED  # noqa: SLF001
_SILENT: Final = (
    BROKERS_DOWN,
    TIMED_OUT,
    KafkaError._TRANSPORT,  # noqa: SLF001
    KafkaError._RESOLVE,  # noqa: SLF001
    KafkaError._MSG_TIMED_OUT,  # noqa: SLF001
    KafkaError._TIMED_OUT_QUEUE,  # noqa: SLF001
    KafkaError.REQUEST_TIMED_OUT,
)
_DENIED: Final = {  # until somebody gives the right
    KafkaError.TOPIC_AUTHORIZATION_FAILED: "a topic",
    KafkaError.GROUP_AUTHORIZATION_FAILED: "a consumer group",
    KafkaError.CLUSTER_AUTHORIZATION_FAILED: "the cluster",
    KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED: "a transactional id",
}
_REFUSED: Final = (  # by the record's own nature: again it would be the same
    KafkaError.MSG_SIZE_TOO_LARGE,
    KafkaError.INVALID_RECORD,
    KafkaError.INVALID_MSG,
)


def meaning(
    error: KafkaException | KafkaError, *, topic: str = "", place: str = ""
) -> Transient | RestartNeeded | ConfigurationError:
    """Return an error of Kafka as what to do next.

    Args:
        error: What the library raised, or gave to a callback.
        topic: Of the call, for a topic that is missing or not allowed.
        place: Which brokers were asked, for the message.
    """
    cause = cause_of(error)
    at = f" at {place}" if place else ""
    if cause.code() in _NO_TOPIC:
        return ConfigurationError(
            f"{f'topic {topic}' if topic else 'a topic'} does not exist{at}: "
            "make it with `candlewick topics create`"
        )
    if is_name_taken(cause):
        return RestartNeeded(f"another process has joined the group{at} under this one's name")
    if cause.fatal() or cause.code() in _LOST:
        return RestartNeeded(f"Kafka{at} has shut this client out: {cause.str()}")
    if is_silence(cause):
        return no_answer(place)
    if is_denied(cause):
        is_topic = topic and cause.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED
        what = f"topic {topic}" if is_topic else _DENIED[cause.code()]
        return Transient(
            f"Kafka{at} does not allow this login to use {what} ({cause.str()}): give it the "
            "right to, as `kafka-acls.sh` does, or set another login in CANDLEWICK_KAFKA__*",
            retry_after_s=RETRY_S,
        )
    return Transient(f"Kafka{at} cannot do it now: {cause.str()}", retry_after_s=RETRY_S)


@contextmanager
def told_when_opened() -> Iterator[None]:
    """Tell in our words why a client cannot be made.

    Raises:
        ConfigurationError: Its settings cannot be used: a file is no certificate, for example.
        Transient: It cannot be made now.
    """
    try:
        yield
    except KafkaException as error:
        if (cause := cause_of(error)).code() == _UNUSABLE:
            raise ConfigurationError(
                f"Kafka cannot be asked with these settings: {cause.str()}: "
                "correct CANDLEWICK_KAFKA__*"
            ) from error
        raise meaning(error) from error


def no_answer(place: str = "") -> Transient:
    """Return the error of brokers that do not answer."""
    at = f" at {place}" if place else ""
    return Transient(
        f"Kafka does not answer{at}: start it, or set CANDLEWICK_KAFKA__BOOTSTRAP_SERVERS",
        retry_after_s=RETRY_S,
    )


def cause_of(error: KafkaException | KafkaError) -> KafkaError:
    """Return the error itself, which the library raises inside of another one."""
    cause: KafkaError = error.args[0] if isinstance(error, KafkaException) else error
    return cause


def is_name_taken(error: KafkaError) -> bool:
    """Tell whether another process has taken the static name of this one in its group."""
    fenced = KafkaError(KafkaError.FENCED_INSTANCE_ID)
    # What comes after the first such error has a code of its own, and this only as its text.
    return error.code() == fenced.code() or (error.code() in _LOST and fenced.str() in error.str())


def is_silence(error: KafkaError) -> bool:
    """Tell whether brokers do not answer, so that waiting helps."""
    return error.code() in _SILENT


def is_denied(error: KafkaError) -> bool:
    """Tell whether the login lacks a right: somebody has to give it."""
    return error.code() in _DENIED


def is_refused(error: KafkaError) -> bool:
    """Tell whether the broker refuses a record for what it is: again it would be the same."""
    return error.code() in _REFUSED
