"""The jobs beside Grafana: events become annotations once, and the pipeline is measured."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from clickhouse_connect.driver.client import Client
from confluent_kafka import TopicPartition

from clients.kafka.commits import Commits
from clients.kafka.group import GroupOffsets
from clients.kafka.opening import Membership, open_member
from grafana import __main__ as jobs
from grafana import metrics_job, pipeline_metrics, store
from grafana.annotations_job import GROUP, annotate_for_ever
from grafana.metrics_job import measure_for_ever, measure_once
from grafana.pipeline_metrics import MOST_DAYS, Measure, of_kafka, of_the_future
from schemas import topics
from schemas.errors import RestartNeeded, Transient
from schemas.settings import ClickHouseSettings, KafkaSettings, Settings
from tests.support.api_market import a_gap, a_model_event, say
from tests.support.api_process import migrated
from tests.support.grafana_server import TOKEN, FakeGrafana, running_grafana
from tests.support.servers import (
    RunningClickHouse,
    RunningKafka,
    free_port,
    running_clickhouse,
    running_kafka,
)

FROZEN_S = 8.0
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
    kafka = GroupOffsets(place.kafka.settings)
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


def gain_rows(client: Client) -> None:
    """Put rows of the last days into a table."""
    client.command(
        "INSERT INTO klines (symbol, interval, open_time) "
        "SELECT 'BTCUSDT', '1m', now64(3) - number * 60 FROM numbers(6000)"
    )


def test_what_a_group_reads_no_more_does_not_lag(place: Place) -> None:
    say(place.kafka, topics.GAPS, [a_gap(3, "found")])
    say(place.kafka, topics.MODEL_VERSIONS, [a_model_event("drift")])
    kafka, group = GroupOffsets(place.kafka.settings), "candlewick-changed"
    member = open_member(place.kafka.settings, Membership(group))
    member.subscribe([topics.GAPS.name])
    eventually(lambda: member.poll(0.1) is not None)
    read = [topics.GAPS.name, topics.MODEL_VERSIONS.name]
    Commits(member).commit([TopicPartition(*at, 0) for at in kafka.partitions(read)])

    assert lagging(kafka, group) == [topics.GAPS.name]
    member.close()
    assert lagging(kafka, group) == read  # nobody reads: all of it waits


def lagging(kafka: GroupOffsets, group: str) -> list[str]:
    """Topics on which a group has a lag."""
    found = of_kafka(kafka, [topic.name for topic in topics.ALL])
    return [m.detail for m in found if (m.measure, m.of) == ("lag", group)]


def test_how_long_the_disk_lasts_is_measured_from_what_the_tables_gain(place: Place) -> None:
    with place.client() as client:
        gain_rows(client)
        (found,) = of_the_future(client)

    assert found.measure == "disk_full_days"
    assert 100 < found.value <= MOST_DAYS  # they gain kilobytes a day


def test_all_that_is_measured_is_stored(place: Place) -> None:
    kafka = GroupOffsets(place.kafka.settings)
    query = "SELECT count() FROM pipeline_measures"
    with place.client() as client:
        before = client.query(query).result_rows[0][0]
        found = measure_once(client, kafka)

        assert client.query(query).result_rows[0][0] == before + len(found)


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    """A server that is there and does not answer."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def test_a_broker_that_was_frozen_leaves_the_annotations_coming(place: Place) -> None:
    with running_grafana() as grafana, place.annotating(grafana):
        say(place.kafka, topics.MODEL_VERSIONS, [a_model_event("retired", symbol="BNBUSDT")])
        eventually(lambda: "retired for BNBUSDT" in texts(grafana))
        began_s = time.monotonic()
        with frozen(place.kafka.pid):
            eventually(lambda: time.monotonic() - began_s > FROZEN_S)
        say(place.kafka, topics.MODEL_VERSIONS, [a_model_event("retired", symbol="LTCUSDT")])
        eventually(lambda: "retired for LTCUSDT" in texts(grafana))


def texts(grafana: FakeGrafana) -> str:
    return str([note["text"] for note in grafana.annotations])


def eventually(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 40
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_store_that_is_frozen_is_given_up_and_asked_again(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    kafka = GroupOffsets(place.kafka.settings)
    account = {name: getattr(place.clickhouse, name) for name in ("url", "user", "password")}
    with store.writer(ClickHouseSettings.model_validate(account)) as client:
        with monkeypatch.context() as hasty, frozen(place.clickhouse.pid):
            hasty.setattr(store, "ANSWER_S", 0.5)
            with pytest.raises(Transient, match="has not answered"):
                measure_once(client, kafka)
        assert measure_once(client, kafka)


def test_a_broker_that_is_frozen_is_given_up_by_the_measuring(place: Place) -> None:
    kafka = GroupOffsets(place.kafka.settings)
    with place.client() as client:
        assert measure_once(client, kafka)
        with frozen(place.kafka.pid), pytest.raises(Transient, match="does not answer"):
            measure_once(client, kafka)
        eventually(lambda: measured(client, kafka))


def counted(client: Client, measure: str) -> int:
    query = f"SELECT count() FROM pipeline_measures WHERE measure = '{measure}'"  # noqa: S608 - ours
    return int(client.query(query).result_rows[0][0])


def test_a_broker_that_is_frozen_leaves_what_is_measured_of_the_store(place: Place) -> None:
    kafka = GroupOffsets(place.kafka.settings)
    with place.client() as client:
        before = {name: counted(client, name) for name in ("disk_free", "uptime", "end")}
        with frozen(place.kafka.pid), pytest.raises(Transient, match="does not answer"):
            measure_once(client, kafka)

        assert counted(client, "disk_free") == before["disk_free"] + 1
        assert counted(client, "uptime") == before["uptime"] + 1
        assert counted(client, "end") == before["end"]


def test_how_long_the_disk_lasts_is_measured_once_however_long_no_broker_answers(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics_job, "EVERY_S", 0.01)
    settings = Settings(
        kafka=KafkaSettings(bootstrap_servers=f"127.0.0.1:{free_port()}"),
        clickhouse=place.clickhouse.settings,
    )
    with place.client() as client:
        gain_rows(client)
        names = ("disk_full_days", "disk_free")
        before = [counted(client, name) for name in names]
        gained: list[list[int]] = []

        def attempted() -> None:
            gained.append([counted(client, name) - before[n] for n, name in enumerate(names)])

        measure_for_ever(settings, lambda _: len(gained) >= 4, attempted)

    # After the look ahead, after Kafka was silent, and the same again.
    assert gained == [[1, 0], [1, 1], [1, 1], [1, 2]]


def test_sizes_of_tables_that_a_store_is_slow_to_tell_are_given_up(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline_metrics, "SIZES_S", 0.5)
    with (
        place.client() as client,
        frozen(place.clickhouse.pid),
        pytest.raises(Transient, match=r"sizes of tables.* has not answered"),
    ):
        of_the_future(client)


def measured(client: Client, kafka: GroupOffsets) -> bool:
    try:
        return bool(measure_once(client, kafka))
    except Transient:
        return False


class NotAsked:
    """A process that nobody asks to end; a test's signals stay as they are."""

    def watch(self) -> None:
        pass

    def wait(self, _: float) -> bool:
        return False


def test_a_job_that_is_shut_out_leaves_to_be_started_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def shut_out(*_: object) -> None:
        raise RestartNeeded("Kafka has shut this client out")

    left: list[str] = []
    monkeypatch.setitem(jobs.JOBS, "measure", shut_out)
    monkeypatch.setattr(jobs, "leave", left.append)
    monkeypatch.setattr(jobs, "Ending", NotAsked)
    jobs._run("measure", Settings())

    assert left == ["Kafka has shut this client out"]
