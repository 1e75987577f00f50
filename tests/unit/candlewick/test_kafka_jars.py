import hashlib
import os
import re
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from candlewick.kafka_server import aot_cache, jars, maven
from candlewick.kafka_server.aot_cache import train
from candlewick.kafka_server.config import (
    new_cluster_id,
    refuse_unusable_path,
    server_properties,
)
from candlewick.kafka_server.jars import (
    KAFKA_VERSION,
    LOCK_LIST,
    differing,
    ensure_jars,
    only_one,
    read_list,
)
from candlewick.kafka_server.java import AOT_CACHE, KafkaJava
from schemas.errors import ConfigurationError

DEADLINE_S = 30.0


def test_all_of_kafka_has_one_version() -> None:
    versions = {
        match[1]
        for name in read_list(LOCK_LIST)
        if (match := re.fullmatch(r"kafka[-_a-z0-9.]*?-(\d+\.\d+\.\d+)\.jar", name))
    }

    assert versions == {KAFKA_VERSION}


def test_a_jar_with_other_bytes_or_none_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "good.jar").write_bytes(b"")
    (tmp_path / "bad.jar").write_bytes(b"other")
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

    wanted = dict.fromkeys(("good.jar", "bad.jar", "missing.jar"), empty)

    assert differing(tmp_path, wanted) == ["bad.jar", "missing.jar"]


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A registry that has one jar, and a list that wants it."""

    def fetch(_endpoint: str, folder: Path) -> list[Path]:
        jar = folder / "kafka.jar"
        jar.write_bytes(b"")
        return [jar]

    wanted = tmp_path / "jars.sha256"
    wanted.write_text(f"{hashlib.sha256().hexdigest()}  kafka.jar\n")
    monkeypatch.setattr(jars, "LOCK_LIST", wanted)
    monkeypatch.setattr(maven, "fetch_jars", fetch)


@pytest.mark.usefixtures("registry")
def test_a_fetch_is_announced_and_removes_what_a_killed_one_left(tmp_path: Path) -> None:
    home, said = tmp_path / "cache", list[str]()
    (home / "tmpkilled" / "jars").mkdir(parents=True)

    fetched = ensure_jars(home, said.append)
    again = ensure_jars(home, said.append)

    assert fetched == again == [home / "jars" / "kafka.jar"]
    assert [line.split(" (")[0] for line in said] == [f"fetching Apache Kafka {KAFKA_VERSION}"]
    assert sorted(path.name for path in home.iterdir()) == ["jars", "lock"]


@pytest.mark.usefixtures("registry")
def test_who_waits_for_the_fetch_of_another_process_says_so(tmp_path: Path) -> None:
    said = list[str]()
    with ThreadPoolExecutor() as pool, only_one(tmp_path):
        waiting = pool.submit(ensure_jars, tmp_path, said.append)
        deadline = time.monotonic() + DEADLINE_S
        while not said:
            assert time.monotonic() < deadline
        (tmp_path / "jars").mkdir()
        (tmp_path / "jars" / "kafka.jar").touch()
        first = said.copy()

    assert waiting.result(DEADLINE_S)
    assert first == [f"waiting for another process, which prepares Kafka in {tmp_path}"]
    assert said == first  # what it waited for is there: it fetches nothing


def test_the_cache_of_the_jvm_is_on_the_disk_before_it_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(_java: KafkaJava, _scratch: Path, cache: Path) -> None:
        cache.write_bytes(b"made")

    made, flushed = tmp_path / AOT_CACHE, list[bool]()
    monkeypatch.setattr(aot_cache, "_trial_run", run)
    monkeypatch.setattr(os, "fsync", lambda _descriptor: flushed.append(made.exists()))

    train(KafkaJava(tmp_path, ()))

    assert flushed == [False]
    assert made.read_bytes() == b"made"


def test_the_node_listens_on_loopback_only_and_makes_no_topics_by_itself() -> None:
    lines = server_properties(port=1, controller_port=2, logs=Path("x")).splitlines()

    assert "listeners=PLAINTEXT://127.0.0.1:1,CONTROLLER://127.0.0.1:2" in lines
    assert "auto.create.topics.enable=false" in lines


def test_a_folder_that_kafka_would_take_for_two_is_refused(tmp_path: Path) -> None:
    refuse_unusable_path(tmp_path)
    with pytest.raises(ConfigurationError, match="CANDLEWICK_DATA_DIR"):
        refuse_unusable_path(tmp_path / "a, b")


def test_cluster_ids_are_kafka_uuids() -> None:
    ids = {new_cluster_id() for _ in range(300)}

    assert len(ids) == 300
    assert all(re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_-]{21}", text) for text in ids)
