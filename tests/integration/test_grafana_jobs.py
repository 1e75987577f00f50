"""The jobs beside Grafana: events become annotations once, and the pipeline is measured."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from clickhouse_connect.driver.client import Client
from confluent_kafka import Producer

from clients.group import GroupOffsets
from grafana.annotate import GROUP, annotate_for_ever
from grafana.letters import Letters
from grafana.measure import measure_once
from grafana.measuring import Measure
from schemas import topics
from schemas.dead_letters import Origin, letter_of
from schemas.settings import Settings
from tests.api_market import a_gap, a_model_event, say
from tests.api_process import migrated
from tests.grafana_server import TOKEN, FakeGrafana, running_grafana
from tests.servers import RunningClickHouse, RunningKafka, running_clickhouse, running_kafka

Name = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Place:
    """What the jobs talk to."""

    kafka: RunningKafka
    clickhouse: RunningClickHouse

    @contextmanager
    def annotating(self, grafana: FakeGrafana) -> Iterator[None]:
        """The job, running until the block is left."""
        settings = Settings.model_validate(
            {
                "kafka": {"bootstrap_servers": self.kafka.bootstrap},
                "grafana": {"url": grafana.url, "token": TOKEN},
            }
        )
        stopping = threading.Event()
        job = threading.Thread(target=annotate_for_ever, args=(settings, stopping.wait))
        job.start()
        try:
            yield
        finally:
            stopping.set()
            job.join(20)

    def client(self) -> Client:
        """As the user that writes."""
        return self.clickhouse.client(database="candlewick")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("jobs")
    with running_kafka(folder / "k") as kafka, running_clickhouse(folder / "c") as clickhouse:
        migrated(clickhouse)
        yield Place(kafka, clickhouse)


def wait_for(grafana: FakeGrafana, texts: set[str]) -> None:
    deadline = time.monotonic() + 30
    while {note["text"] for note in grafana.annotations} != texts and time.monotonic() < deadline:
        time.sleep(0.02)
    assert {note["text"] for note in grafana.annotations} == texts


def test_events_are_annotated_once_however_often_they_are_told(place: Place) -> None:
    say(place.kafka, topics.GAPS, [a_gap(1, "found"), a_gap(1, "repaired"), a_gap(1, "found")])
    say(place.kafka, topics.MODEL_VERSIONS, [a_model_event("drift"), a_model_event("promoted")])
    wanted = {
        "BTCUSDT: 5 trades were missing and are repaired (ids jumped)",
        "batch v1 drift for BTCUSDT: because",
        "batch v1 promoted for BTCUSDT: because",
    }
    with running_grafana() as grafana:
        with place.annotating(grafana):
            wait_for(grafana, wanted)
        say(place.kafka, topics.MODEL_VERSIONS, [a_model_event("drift"), a_model_event("trained")])
        with place.annotating(grafana):
            wait_for(grafana, wanted | {"batch v1 trained for BTCUSDT: because"})

        assert len(grafana.annotations) == 4
        tags = [set(note["tags"]) for note in grafana.annotations]
        assert sum({"candlewick", "gap", "BTCUSDT"} < found for found in tags) == 1


def all_annotated(client: Client, kafka: GroupOffsets) -> dict[Name, float]:
    """What is measured once every event is annotated."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        found = by_name(measure_once(client, kafka))
        lags = [value for name, value in found.items() if name[:2] == ("lag", GROUP)]
        if lags and not any(lags):
            return found
    raise AssertionError(found)


def by_name(measures: list[Measure]) -> dict[Name, float]:
    return {(m.measure, m.of, m.detail): m.value for m in measures}


def test_lag_ends_members_disk_and_tables_are_measured(place: Place) -> None:
    kafka = GroupOffsets(place.kafka.bootstrap)
    end = ("end", topics.GAPS.name, "")
    with place.client() as client, running_grafana() as grafana:
        before = by_name(measure_once(client, kafka))
        say(place.kafka, topics.GAPS, [a_gap(2, "found"), a_gap(2, "repaired")])
        with place.annotating(grafana):
            after = all_annotated(client, kafka)

    assert after[end] == before[end] + 2
    assert after["lag", GROUP, topics.GAPS.name] == 0
    assert 0 < after["disk_free", "default", ""] < after["disk_total", "default", ""]
    assert after["uptime", "clickhouse", ""] >= 0


def test_all_that_is_measured_is_stored(place: Place) -> None:
    kafka = GroupOffsets(place.kafka.bootstrap)
    query = "SELECT count() FROM pipeline_measures"
    with place.client() as client:
        before = client.query(query).result_rows[0][0]
        found = measure_once(client, kafka)

        assert client.query(query).result_rows[0][0] == before + len(found)


def test_dead_letters_are_stored_once_with_their_reason(place: Place) -> None:
    producer = Producer({"bootstrap.servers": place.kafka.bootstrap, "log_level": 0})
    origin = Origin("not Avro", topics.TRADES.name, 1, 42)
    letter = letter_of(b"broken", origin)
    headers = list(letter.headers)
    producer.produce(topics.DEAD_LETTERS.name, letter.value, letter.key, headers=headers)
    producer.flush(10)
    query = "SELECT reason, origin_topic, origin_offset, bytes FROM dead_letters"
    with place.client() as client:
        for _ in range(2):
            letters = Letters(place.kafka.bootstrap, client)
            deadline = time.monotonic() + 10
            while not client.query(query).result_rows and time.monotonic() < deadline:
                letters.store_new()
            letters.store_new()
            letters.close()

        assert client.query(query).result_rows == [("not Avro", topics.TRADES.name, 42, 6)]
