"""The job that fills ``pipeline_measures`` and ``dead_letters``, for the dashboard Pipeline."""

import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import clickhouse_connect
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError
from confluent_kafka import KafkaException

from clients.group import GroupOffsets
from grafana.letters import Letters
from grafana.measuring import Measure, of_kafka, of_store
from schemas import topics
from schemas.errors import Transient
from schemas.settings import ClickHouseSettings, Settings

EVERY_S = 5.0
COLUMNS = ("measured_time", "measure", "of", "detail", "value")
LOG = logging.getLogger(__name__)


def measure_for_ever(settings: Settings, wait: Callable[[float], bool]) -> None:
    """Measure every five seconds until told to stop; what does not answer is tried again.

    Args:
        settings: Where Kafka and ClickHouse are.
        wait: Waits so many seconds; true when it is time to stop.
    """
    while not wait(0):
        try:
            _measure_until_trouble(settings, wait)
        except (ClickHouseError, KafkaException, TimeoutError, Transient) as error:
            LOG.warning("measuring again in %s s: %s", EVERY_S, error)
            wait(EVERY_S)


def measure_once(client: Client, kafka: GroupOffsets) -> list[Measure]:
    """Store what is seen now, and return it; what does not answer raises its client's error."""
    found = of_store(client) + of_kafka(kafka, [topic.name for topic in topics.ALL])
    _store(client, found, datetime.now(UTC))
    return found


def writer(settings: ClickHouseSettings) -> Client:
    """Open a client as the user that writes."""
    return clickhouse_connect.get_client(
        dsn=settings.url,
        username=settings.user,
        password=settings.password.get_secret_value(),
        database=settings.database,
        autogenerate_session_id=False,
    )


def _measure_until_trouble(settings: Settings, wait: Callable[[float], bool]) -> None:
    servers = settings.kafka.bootstrap_servers
    kafka = GroupOffsets(servers)
    with writer(settings.clickhouse) as client:
        letters = Letters(servers, client)
        try:
            while not wait(0):
                measure_once(client, kafka)
                letters.store_new()
                wait(EVERY_S)
        finally:
            letters.close()


def _store(client: Client, found: Sequence[Measure], now: datetime) -> None:
    rows = [(now, m.measure, m.of, m.detail, m.value) for m in found]
    client.insert("pipeline_measures", rows, column_names=COLUMNS)
