"""The job that writes gaps, drift and promotions from Kafka into Grafana as annotations.

Delivery is at least once, but each event has one annotation: the job looks it up by its unique tag
before it writes, and commits the offset afterwards.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Final
from urllib.parse import quote

from confluent_kafka import Consumer, Message, TopicPartition
from grafana_client.api import GrafanaApi
from grafana_client.client import GrafanaClientError

from clients.kafka.commits import Commits
from clients.kafka.errors import meaning
from clients.kafka.opening import Membership, open_member
from clients.kafka.records import place_of
from clients.limits import within
from clients.watching.log import EventLog
from clients.watching.metrics import RETRIES
from grafana.annotations import Annotation, of_gap, of_model
from grafana.connection import connected, is_missing, translated
from schemas import topics
from schemas.codecs import record_in
from schemas.errors import ContractMismatch, PoisonMessage, Transient
from schemas.market import Gap
from schemas.predictions import ModelVersion
from schemas.settings import KafkaSettings, Settings

GROUP = "candlewick-annotations"
_log = EventLog(__name__)
WRITE_S: Final = 30.0  # of the three calls that one annotation takes
CLOSE_S: Final = 10.0
Wait = Callable[[float], bool]


def annotate_for_ever(
    settings: Settings, wait: Wait, attempted: Callable[[], None] = lambda: None
) -> None:
    """Follow the events until ``wait`` returns true; failed calls are repeated.

    Args:
        settings: Addresses of Kafka and Grafana, and the token.
        wait: Waits a number of seconds; returns true when it is time to stop.
        attempted: Called when an attempt has ended or failed.

    Raises:
        ConfigurationError: No Grafana is set, Grafana refuses the token, or a topic is missing.
        RestartNeeded: Kafka has shut this client out.
    """
    url, token = settings.grafana.url, settings.grafana.token.get_secret_value()
    with connected(url, token) as api:
        consumer = _consumer(settings.kafka)
        commits = Commits(consumer)

        def tell(note: Annotation) -> bool:
            return _until_written(api, url, note, wait, attempted)

        try:
            while not wait(0):
                try:
                    _take_one(consumer, commits, tell)
                except Transient as error:
                    _log.warning(
                        "annotation_retried",
                        "again in {pause_s} s: {error}",
                        pause_s=error.retry_after_s,
                        error=error,
                    )
                    wait(error.retry_after_s)
                attempted()
        finally:
            with suppress(Transient):
                within(CLOSE_S, "Kafka (leaving the group)", consumer.close)


def read(message: Message) -> Annotation | None:
    """Convert a record to an annotation; None for a deletion or an unreadable record."""
    if message.value() is None:
        return None
    try:
        if message.topic() == topics.GAPS.name:
            return of_gap(record_in(Gap, message))
        return of_model(record_in(ModelVersion, message))
    except (PoisonMessage, ContractMismatch) as error:
        _log.warning("annotation_skipped", "a record is skipped: {error}", error=error)
        return None


def write(api: GrafanaApi, annotation: Annotation) -> bool:
    """Write or update an annotation; return whether Grafana has changed.

    A repeated older state of the same event changes nothing.
    """
    known = api.annotations.get_annotation(tags=[quote(annotation.key)], limit=1)
    told = {
        "time_from": annotation.begin_ms,
        "time_to": annotation.end_ms,
        "tags": annotation.tags,
        "text": annotation.text,
    }
    if not known:
        api.annotations.add_annotation(**told)
        return True
    if not known[0]["text"].startswith(annotation.replaces):
        return False
    try:
        api.annotations.update_annotation(known[0]["id"], **told)
    except GrafanaClientError as error:
        if not is_missing(error):
            raise
        api.annotations.add_annotation(**told)  # somebody has deleted it in between
    return True


def _take_one(consumer: Consumer, commits: Commits, tell: Callable[[Annotation], bool]) -> None:
    message = consumer.poll(0.5)
    if message is None:
        return
    if error := message.error():
        raise meaning(error, topic=message.topic() or "")
    annotation = read(message)
    if annotation is None or tell(annotation):
        topic, partition, offset = place_of(message)
        commits.commit([TopicPartition(topic, partition, offset + 1)])


def _until_written(
    api: GrafanaApi, url: str, annotation: Annotation, wait: Wait, attempted: Callable[[], None]
) -> bool:
    """Write an annotation; False if it is time to stop first: Kafka then delivers it again."""
    while not wait(0):
        try:
            with translated(url, "write annotations"):
                within(WRITE_S, f"Grafana at {url}", lambda: write(api, annotation))
        except Transient as error:
            RETRIES.labels("annotation").inc()
            _log.warning(
                "annotation_retried",
                "again in {pause_s} s: {error}",
                pause_s=error.retry_after_s,
                error=error,
            )
            attempted()
            wait(error.retry_after_s)
        else:
            return True
    return False


def _consumer(kafka: KafkaSettings) -> Consumer:
    consumer = open_member(kafka, Membership(GROUP))
    consumer.subscribe([topics.GAPS.name, topics.MODEL_VERSIONS.name])
    return consumer
