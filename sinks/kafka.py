"""The Kafka clients of the sinks: a consumer that commits by hand, and a writer of dead letters."""

import logging

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicCollection
from confluent_kafka.admin import AdminClient

from schemas import topics
from schemas.dead_letters import Origin, headers_of
from schemas.errors import ConfigurationError, Transient

GROUP = "candlewick-sinks"
ANSWER_TIMEOUT_S = 5.0
RETRY_S = 0.5
SESSION_TIMEOUT_MS = 6_000  # the least that a broker allows by default
_NO_TOPIC = (KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC)  # noqa: SLF001 - so named
_log = logging.getLogger(__name__)


def sink_consumer(bootstrap_servers: str, *, instance: str | None, group: str = GROUP) -> Consumer:
    """Return a consumer of the sinks' group.

    Args:
        bootstrap_servers: Brokers, host:port, comma separated.
        instance: Name of this process in the group, unique in it. With one, a restarted process
            has its partitions back at once; without, after the session timeout of the old one.
        group: Whose offsets are used.
    """
    config: dict[str, object] = {
        "bootstrap.servers": bootstrap_servers,
        "group.id": group,
        "enable.auto.commit": False,
        "auto.offset.reset": "earliest",
        "partition.assignment.strategy": "cooperative-sticky",
        "session.timeout.ms": SESSION_TIMEOUT_MS,
        "heartbeat.interval.ms": 1_000,
        "fetch.queue.backoff.ms": 5,
        "fetch.wait.max.ms": 100,
        "queued.max.messages.kbytes": 16_384,
        "reconnect.backoff.max.ms": 1_000,
        "log_level": 0,
        "error_cb": _say,
    }
    if instance is not None:
        config["group.instance.id"] = instance
    return Consumer(config)


def _say(error: KafkaError) -> None:
    if error.code() == KafkaError._ALL_BROKERS_DOWN:  # noqa: SLF001 - so named
        _log.warning("Kafka is away; waiting for it")


def topic_ids(bootstrap_servers: str, names: list[str]) -> dict[str, str]:
    """Return the id that Kafka gave each topic when it was created.

    Raises:
        Transient: The broker does not answer.
        ConfigurationError: A topic does not exist.
    """
    admin = AdminClient({"bootstrap.servers": bootstrap_servers, "log_level": 0})
    answers = admin.describe_topics(TopicCollection(names), request_timeout=ANSWER_TIMEOUT_S)
    ids = {}
    for name, answer in answers.items():
        try:
            ids[name] = str(answer.result().topic_id)
        except KafkaException as error:
            raise meaning(error, topic=name, place=f" at {bootstrap_servers}") from error
    return ids


def meaning(error: KafkaException, *, topic: str = "", place: str = "") -> Transient:
    """Return an error of Kafka as what to do next.

    Raises:
        ConfigurationError: A person must do it.
    """
    cause: KafkaError = error.args[0]
    if cause.code() in _NO_TOPIC:
        raise ConfigurationError(
            f"topic {topic} does not exist: create the topics (`candlewick topics`)"
        ) from error
    if cause.fatal():
        raise ConfigurationError(f"Kafka refuses this process: {cause.str()}") from error
    return Transient(f"Kafka{place} does not answer: {cause.str()}", retry_after_s=RETRY_S)


class DeadLetters:
    """Writes records that cannot be read to the topic of the dead letters."""

    def __init__(self, bootstrap_servers: str) -> None:
        self._place = bootstrap_servers
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap_servers,
                "enable.idempotence": True,
                "partitioner": "murmur2_random",
                "log_level": 0,
            }
        )
        self._failure: KafkaError | None = None

    def send(self, raw: bytes, origin: Origin) -> None:
        """Write one dead letter and wait until the broker has it.

        Raises:
            Transient: The broker does not take it now.
        """
        self._failure = None
        self._producer.produce(
            topics.DEAD_LETTERS.name,
            value=raw,
            headers=headers_of(origin),
            on_delivery=self._delivered,
        )
        if self._producer.flush(ANSWER_TIMEOUT_S) or self._failure is not None:
            self._producer.purge()
            raise Transient(f"Kafka at {self._place} does not take a dead letter")

    def _delivered(self, error: KafkaError | None, _message: object) -> None:
        self._failure = error or self._failure
