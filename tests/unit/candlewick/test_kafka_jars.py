import re
from pathlib import Path

import pytest

from candlewick.kafka_server.config import (
    new_cluster_id,
    refuse_unusable_path,
    server_properties,
)
from candlewick.kafka_server.jars import KAFKA_VERSION, LOCK_LIST, differing, read_list
from schemas.errors import ConfigurationError


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
