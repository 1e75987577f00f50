"""Topics in a broker, made from the topic table and from nothing else."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin._config import ConfigResource
from confluent_kafka.cimpl import NewTopic

from clients.kafka.errors import meaning, no_answer
from clients.kafka.opening import open_admin
from schemas.errors import ConfigurationError
from schemas.settings import KafkaSettings
from schemas.topics import ALL, Topic, topic_config

if TYPE_CHECKING:
    from concurrent.futures import Future

    from confluent_kafka.admin import AdminClient

PATIENCE_S = 20.0
ANSWER_S = 5.0
SAFE_COPIES = 2  # of an acknowledged record; with three copies one broker may be away


def create_topics(settings: KafkaSettings, topics: tuple[Topic, ...] = ALL) -> list[str]:
    """Create the topics that are missing and return their names.

    Raises:
        Transient: No broker answers.
        ConfigurationError: The broker refused, for example more copies than it has brokers.
    """
    admin = open_admin(settings)
    existing = _partitions(admin, settings)
    missing = [topic for topic in topics if topic.name not in existing]
    if missing:
        wanted = [_new_topic(topic, settings) for topic in missing]
        for name, future in admin.create_topics(wanted, operation_timeout=PATIENCE_S).items():
            _finish(name, future)
    return [topic.name for topic in missing]


def config_of(topic: Topic, kafka: KafkaSettings) -> dict[str, str]:
    """Return the configuration of a topic in as many copies as the settings say."""
    if kafka.replication_factor <= SAFE_COPIES:
        return topic_config(topic)
    # Kafka's default is one: a record that only one broker has is lost with it.
    return topic_config(topic) | {"min.insync.replicas": str(SAFE_COPIES)}


def topic_ids(kafka: KafkaSettings, names: list[str]) -> dict[str, str]:
    """Return the id that Kafka gave each topic when it was created.

    Raises:
        Transient: The broker does not answer.
        ConfigurationError: A topic does not exist.
    """
    admin = open_admin(kafka)  # answers come only as long as it is there
    answers = admin.describe_topics(TopicCollection(names), request_timeout=ANSWER_S)
    ids = {}
    for name, answer in answers.items():
        try:
            ids[name] = str(answer.result().topic_id)
        except KafkaException as error:
            raise meaning(error, topic=name, place=kafka.place) from error
    return ids


@dataclass(frozen=True, slots=True)
class Deviation:
    """A topic that is not as the table of topics has it.

    Attributes:
        what: ``partitions``, or the name of a setting.
        wanted: What the table says.
        found: What the broker has; None if the topic is missing.
    """

    topic: str
    what: str
    wanted: str
    found: str | None


def deviations(settings: KafkaSettings, topics: tuple[Topic, ...] = ALL) -> list[Deviation]:
    """Return in what the broker's topics differ from the table.

    Raises:
        Transient: No broker answers.
    """
    admin = open_admin(settings)
    existing = _partitions(admin, settings)
    wanted = str(settings.partitions)
    counts = {topic.name: existing.get(topic.name) for topic in topics}
    found = [
        Deviation(name, "partitions", wanted, None if count is None else str(count))
        for name, count in counts.items()
        if count != settings.partitions
    ]
    there = [topic for topic in topics if topic.name in existing]
    return found + list(_configs(admin, there, settings))


def _configs(
    admin: "AdminClient", topics: list[Topic], kafka: KafkaSettings
) -> Iterator[Deviation]:
    asked = {ConfigResource(ConfigResource.Type.TOPIC, topic.name): topic for topic in topics}
    if not asked:
        return
    answers = admin.describe_configs(list(asked), request_timeout=ANSWER_S)
    for resource, answer in answers.items():
        topic = asked[resource]
        try:
            entries = answer.result(ANSWER_S)
        except KafkaException as error:
            raise meaning(error, topic=topic.name, place=kafka.place) from error
        except TimeoutError as error:
            raise no_answer(kafka.place) from error
        for name, value in config_of(topic, kafka).items():
            # A service may not tell all of its settings.
            if name in entries and (found := entries[name].value) != value:
                yield Deviation(topic.name, name, value, found)


def _partitions(admin: "AdminClient", kafka: KafkaSettings) -> dict[str, int]:
    try:
        known = admin.list_topics(timeout=PATIENCE_S).topics
    except KafkaException as error:
        admin.poll(0)  # says why, where brokers do not let us in
        raise meaning(error, place=kafka.place) from error
    return {name: len(topic.partitions) for name, topic in known.items()}


def _new_topic(topic: Topic, settings: KafkaSettings) -> NewTopic:
    return NewTopic(
        topic.name,
        num_partitions=settings.partitions,
        replication_factor=settings.replication_factor,
        config=config_of(topic, settings),
    )


def _finish(name: str, future: "Future[None]") -> None:
    try:
        future.result()
    except KafkaException as error:
        reason: KafkaError = error.args[0]
        if reason.code() != KafkaError.TOPIC_ALREADY_EXISTS:
            raise ConfigurationError(f"topic {name} was not made: {reason.str()}") from error
