"""Names of processes in their groups: from their hosts, and never held by two, on a real Kafka."""

import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from confluent_kafka import Consumer

from candlewick.stack.parent_death import leashed
from clients.kafka.group import GroupOffsets, Member
from clients.kafka.member_name import MemberName
from clients.process import START_ME_AGAIN
from schemas import topics
from schemas.errors import ConfigurationError, Transient
from schemas.settings import KafkaSettings
from sinks.consumer import GROUP as SINKS
from tests.support.builders import newest_revisions
from tests.support.candle_reader import PARTITIONS, CandleReader, differences
from tests.support.feed import Feed
from tests.support.kafka_process import RunningKafka, running_kafka

DEADLINE_S = 90.0  # on a busy machine a process needs half a minute to join
WORKER, SINK = ["processors", "worker"], ["sinks"]
NAMED = {"processors": "--name", "sinks": "--instance"}
GROUPS = {"processors": topics.CANDLE_APP, "sinks": SINKS}
hosts = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("unshare") is None,
    reason="only root on Linux can give a process a host name of its own",
)


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningKafka]:
    with running_kafka(tmp_path_factory.mktemp("kafka"), partitions=PARTITIONS) as server:
        yield server


@contextmanager
def a_process(
    kafka: RunningKafka, folder: Path, command: list[str], *, host: str = ""
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a module, on a machine of another name if one is given; its log is in the folder."""
    folder.mkdir(exist_ok=True)
    environment = os.environ | {
        "CANDLEWICK_KAFKA__BOOTSTRAP_SERVERS": kafka.bootstrap,
        "CANDLEWICK_KAFKA__PARTITIONS": str(PARTITIONS),
        "CANDLEWICK_CLICKHOUSE__URL": "http://127.0.0.1:9",
        "CANDLEWICK_DATA_DIR": str(folder),
        "CANDLEWICK_LOG_LEVEL": "WARNING",
    }
    whole = leashed([sys.executable, "-m", *command])
    if host:
        named = ["sh", "-c", f'hostname {host} && exec "$@"', "sh", *whole]
        whole = ["unshare", "--uts", *named]
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(whole, env=environment, stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@contextmanager
def kept(kafka: RunningKafka, folder: Path, command: list[str], *, host: str) -> Iterator[None]:
    """Run a module, again each time that it asks for it, as whoever supervises it does."""
    over = threading.Event()

    def keep() -> None:
        asks = True
        while asks and not over.is_set():
            with a_process(kafka, folder, command, host=host) as process:
                while process.poll() is None and not over.wait(0.05):
                    pass
                asks = process.poll() == START_ME_AGAIN

    keeper = threading.Thread(target=keep)
    keeper.start()
    try:
        yield
    finally:
        over.set()
        keeper.join()


def members(kafka: RunningKafka, group: str) -> dict[str, Member]:
    try:
        return {m.static: m for m in GroupOffsets(kafka.settings).members([group])[group]}
    except Transient:  # the group's coordinator is being set up
        return {}


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not holds():
        assert time.monotonic() < deadline, "it did not come in time"
        time.sleep(0.05)


def has_all(kafka: RunningKafka, group: str, name: str) -> bool:
    found = members(kafka, group)
    return set(found) == {name} and len(found[name].places) >= PARTITIONS


def holder(kafka: RunningKafka, group: str, name: str) -> str:
    """What Kafka calls the process that has this name."""
    return members(kafka, group).get(name, Member("", frozenset())).name


@hosts
def test_workers_that_are_given_no_name_share_the_partitions_by_the_names_of_their_hosts(
    kafka: RunningKafka, tmp_path: Path
) -> None:
    def trades_of(name: str) -> set[int]:
        places = members(kafka, topics.CANDLE_APP).get(name, Member("", frozenset())).places
        return {partition for topic, partition in places if topic == topics.TRADES.name}

    with (
        Feed(kafka.bootstrap) as feed,
        CandleReader(kafka) as reader,
        kept(kafka, tmp_path / "a", WORKER, host="pod-0"),
        kept(kafka, tmp_path / "b", WORKER, host="pod-1"),
    ):
        wait_until(lambda: trades_of("worker-pod-0") != set() != trades_of("worker-pod-1"))
        shared = trades_of("worker-pod-0"), trades_of("worker-pod-1")
        reader.read_for(2.0)
        feed.stop()
        truth = feed.candles()
        reader.read_until_all_of(truth, within_s=DEADLINE_S)

    assert sorted([*shared[0], *shared[1]]) == list(range(PARTITIONS))
    assert len(truth) > 50
    assert differences(newest_revisions(reader.candles), truth) == []


@hosts
@pytest.mark.slow
@pytest.mark.parametrize("command", [WORKER, SINK], ids=" ".join)
def test_a_second_process_of_a_name_refuses_to_start_and_the_first_goes_on(
    kafka: RunningKafka, tmp_path: Path, command: list[str]
) -> None:
    group, name = GROUPS[command[0]], tmp_path.name
    command = [*command, NAMED[command[0]], name]
    with a_process(kafka, tmp_path / "a", command, host="pod-0") as first:
        wait_until(lambda: has_all(kafka, group, name))
        before = holder(kafka, group, name)
        with a_process(kafka, tmp_path / "b", command, host="pod-1") as second:
            exit_code = second.wait(DEADLINE_S)
        is_alive, after = first.poll() is None, holder(kafka, group, name)

    told = (tmp_path / "b" / "log").read_text().splitlines()
    assert (exit_code, is_alive, after) == (1, True, before)
    assert len(told) == 1
    assert f"name {name} is in use" in told[0]
    assert f"{name}@pod-0" in told[0]


def test_a_worker_whose_name_was_taken_ends_and_does_not_take_it_back(
    kafka: RunningKafka, tmp_path: Path
) -> None:
    group, name = topics.CANDLE_APP, tmp_path.name
    command = [*WORKER, "--name", name]
    with a_process(kafka, tmp_path / "a", command) as first:
        wait_until(lambda: has_all(kafka, group, name))
        with a_process(kafka, tmp_path / "b", command) as second:
            exit_code = first.wait(DEADLINE_S)
            wait_until(lambda: has_all(kafka, group, name))
            is_alive = second.poll() is None

    assert (exit_code, is_alive) == (START_ME_AGAIN, True)
    assert f"has joined the group {group} under the name {name}" in (
        tmp_path / "a" / "log"
    ).read_text(encoding="utf-8")
    assert [path.name for path in (tmp_path / "a" / "members").iterdir()] == [f"{group}.{name}"]


@pytest.mark.slow
@pytest.mark.parametrize("command", [WORKER, SINK], ids=" ".join)
def test_a_process_that_is_started_again_has_its_name_only_when_the_other_one_is_gone(
    kafka: RunningKafka, tmp_path: Path, command: list[str]
) -> None:
    group, name = GROUPS[command[0]], tmp_path.name
    command = [*command, NAMED[command[0]], name]
    with a_process(kafka, tmp_path / "a", command) as first:
        wait_until(lambda: has_all(kafka, group, name))
        with a_process(kafka, tmp_path / "b", command) as second:
            exit_code = first.wait(DEADLINE_S)
            wait_until(lambda: has_all(kafka, group, name))
            taken = holder(kafka, group, name)
            with a_process(kafka, tmp_path / "a", command) as again:
                refused = again.wait(DEADLINE_S)
            is_alive, after = second.poll() is None, holder(kafka, group, name)
        with a_process(kafka, tmp_path / "a", command):
            wait_until(lambda: holder(kafka, group, name) not in {"", taken})

    assert (exit_code, refused, is_alive, after) == (START_ME_AGAIN, 1, True, taken)
    assert f"name {name} is in use" in (tmp_path / "a" / "log").read_text(encoding="utf-8")


@contextmanager
def a_member(kafka: RunningKafka, name: str, host: str) -> Iterator[MemberName]:
    """Somebody on a host who is in the group under a name; gives what asks for the same name."""
    other = Consumer(
        {
            "bootstrap.servers": kafka.bootstrap,
            "group.id": "names",
            "group.instance.id": name,
            "client.id": f"{name}@{host}",
            "session.timeout.ms": 6_000,
        }
    )
    other.subscribe([topics.GAPS.name])
    wait_until(lambda: other.poll(0.05) is None and bool(other.assignment()))
    yield MemberName(kafka.settings, "names", name, Path(name), patience_s=1.0)
    other.close()


def test_a_name_of_another_host_is_refused_and_the_message_says_who_has_it(
    kafka: RunningKafka, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with (
        a_member(kafka, "anna", "elsewhere") as name,
        pytest.raises(ConfigurationError, match=r"anna@elsewhere at 127\.0\.0\.1"),
    ):
        name.take()


def test_a_name_of_this_host_is_taken_at_once_unless_it_was_lost_before(
    kafka: RunningKafka, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with a_member(kafka, "bert", socket.gethostname()) as name:
        name.take()
        name.lost()
        with pytest.raises(ConfigurationError, match="name bert is in use"):
            name.take()


def test_a_name_that_nobody_has_is_free_and_what_was_lost_is_forgotten(
    kafka: RunningKafka, tmp_path: Path
) -> None:
    name = MemberName(kafka.settings, "nobody", "carl", tmp_path)
    name.lost()
    name.take()

    assert list((tmp_path / "members").iterdir()) == []


def test_a_name_is_free_where_kafka_does_not_answer(tmp_path: Path) -> None:
    MemberName(KafkaSettings(bootstrap_servers="127.0.0.1:9"), "names", "dora", tmp_path).take()
