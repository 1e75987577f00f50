"""The Kafka clients of the sinks: a consumer that commits by hand, and a writer of dead letters."""

import logging
from collections.abc import Callable

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient

from clients.kafka.errors import BROKERS_DOWN, meaning

GROUP = "candlewick-sinks"
ANSWER_TIMEOUT_S = 5.0
SESSION_TIMEOUT_MS = 6_000  # the least that a broker allows by default
_log = logging.getLogger(__name__)


def sink_consumer(
    bootstrap_servers: str,
    *,
    instance: str | None,
    group: str = GROUP,
    lost: Callable[[KafkaError], None] = lambda _: None,
) -> Consumer:
    """Return a consumer of the sinks' group.

    Args:
        bootstrap_servers: Brokers, host:port, comma separated.
        instance: Name of this process in the group, unique in it. With one, a restarted process
            has its partitions back at once; without, after the session timeout of the old one.
        group: Whose offsets are used.
        lost: Told an error after which the consumer never reads again.
    """

    def notice(error: KafkaError) -> None:
        if error.fatal():
            lost(error)
        elif error.code() == BROKERS_DOWN:
            _log.warning("Kafka is away; waiting for it")

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
        "error_cb": notice,
    }
    if instance is not None:
        config["group.instance.id"] = instance
    return Consumer(config)


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
            raise meaning(error, topic=name, place=bootstrap_servers) from error
    return ids
