"""The job that fills the table ``pipeline_measures`` for the dashboard Pipeline."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import inf

from clients.clickhouse import Client
from clients.kafka.group import GroupOffsets
from clients.watching.log import EventLog
from clients.watching.metrics import RETRIES
from grafana import store
from grafana.pipeline_metrics import Measure, of_kafka, of_store, of_the_future
from schemas import topics
from schemas.errors import Transient
from schemas.settings import Settings

EVERY_S = 5.0
LOOK_AHEAD_S = 600.0  # it reads the ends of every table
COLUMNS = ("measured_time", "measure", "of", "detail", "value")
_log = EventLog(__name__)


def measure_for_ever(
    settings: Settings,
    wait: Callable[[float], bool],
    attempted: Callable[[], None] = lambda: None,
) -> None:
    """Measure every five seconds until ``wait`` returns true; failed calls are repeated.

    Args:
        settings: Addresses of Kafka and ClickHouse, and the user that writes.
        wait: Waits a number of seconds; returns true when it is time to stop.
        attempted: Called when a measurement has ended or failed.
    """
    ahead = _LookAhead()
    while not wait(0):
        try:
            _measure_until_trouble(settings, ahead, wait, attempted)
        except Transient as error:
            RETRIES.labels("measure").inc()
            _log.warning(
                "measure_retried",
                "measuring again in {pause_s} s: {error}",
                pause_s=EVERY_S,
                error=error,
            )
            attempted()
            wait(EVERY_S)


def measure_once(client: Client, kafka: GroupOffsets) -> list[Measure]:
    """Measure once, and store and return the figures; ClickHouse's, then Kafka's.

    Raises:
        Transient: Kafka or ClickHouse does not answer. Where it is Kafka, ClickHouse's figures are
            stored: who watches the disk must not go blind because Kafka is away.
    """
    of_clickhouse = of_store(client)
    _store(client, of_clickhouse, datetime.now(UTC))
    of_groups = of_kafka(kafka, [topic.name for topic in topics.ALL])
    _store(client, of_groups, datetime.now(UTC))
    return of_clickhouse + of_groups


@dataclass(slots=True)
class _LookAhead:
    """What reads much, and so is measured more rarely, however often an attempt fails."""

    looked_s: float = -inf

    def store(self, client: Client) -> None:
        if time.monotonic() - self.looked_s >= LOOK_AHEAD_S:
            self.looked_s = time.monotonic()
            _store(client, of_the_future(client), datetime.now(UTC))


def _measure_until_trouble(
    settings: Settings,
    ahead: _LookAhead,
    wait: Callable[[float], bool],
    attempted: Callable[[], None],
) -> None:
    kafka = GroupOffsets(settings.kafka)
    with store.writer(settings.clickhouse) as client:
        while not wait(0):
            ahead.store(client)
            attempted()
            measure_once(client, kafka)
            attempted()
            wait(EVERY_S)


def _store(client: Client, found: Sequence[Measure], now: datetime) -> None:
    rows = [(now, m.measure, m.of, m.detail, m.value) for m in found]
    store.insert(client, "pipeline_measures", COLUMNS, rows)
