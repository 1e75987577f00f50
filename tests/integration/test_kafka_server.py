import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import ConfigResource
from confluent_kafka.admin._resource import ResourceType

from schemas import topics
from tests.support.servers import free_port, running_kafka


def test_every_topic_has_the_partitions_and_the_retention_of_the_table(tmp_path: Path) -> None:
    with running_kafka(tmp_path, partitions=3) as kafka:
        admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
        found = admin.list_topics(timeout=10).topics
        assert {t.name for t in topics.ALL} <= set(found)
        for topic in topics.ALL:
            assert len(found[topic.name].partitions) == 3
            assert _config(admin, topic.name).items() >= topics.topic_config(topic).items()


def test_what_kafka_acknowledged_is_there_after_kill_9(tmp_path: Path) -> None:
    with running_kafka(tmp_path) as kafka:
        _produce(kafka.bootstrap, [b"one", b"two"])
        os.kill(kafka.pid, signal.SIGKILL)

    with running_kafka(tmp_path) as kafka:  # what Kafka wrote of itself is not taken for broken
        assert _read(kafka.bootstrap, 2) == [b"one", b"two"]


def test_what_libraries_unpack_is_gone_at_the_start_after_a_kill(tmp_path: Path) -> None:
    unpacked: list[set[str]] = []
    for _ in range(2):
        with running_kafka(tmp_path) as kafka:
            _produce(kafka.bootstrap, [bytes(10_000)], compression="lz4")  # by a native library
            unpacked.append({path.name for path in (tmp_path / "kafka" / "tmp").iterdir()})
            kafka.kill()

    first, second = unpacked
    assert first
    assert second
    assert first.isdisjoint(second)


@pytest.mark.parametrize("locale", ["C.UTF-8", "C"])
def test_a_folder_may_have_letters_of_any_script_whatever_the_locale(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, locale: str
) -> None:
    monkeypatch.setenv("LC_ALL", locale)
    folder = tmp_path / "b\u00f6rse \u5e01 \U0001f4c8 #1 a\\b"
    with running_kafka(folder, is_formatted=False) as kafka:
        _produce(kafka.bootstrap, [b"one"])
        kafka.stop()

    assert (folder / "kafka" / "logs" / "meta.properties").exists()
    with running_kafka(folder) as kafka:
        assert _read(kafka.bootstrap, 1) == [b"one"]


@pytest.mark.parametrize(
    "broken", [b"", b"\xff\xfe\0", b"version=1\n", b"version=1\nnode.id=x\ncluster.id=y\n"]
)
def test_a_folder_whose_identity_is_broken_is_refused_in_one_line(
    tmp_path: Path, broken: bytes
) -> None:
    identity = tmp_path / "logs" / "meta.properties"
    identity.parent.mkdir()
    identity.write_bytes(broken)
    command = [sys.executable, "-m", "candlewick.kafka_server", "--data", str(tmp_path)]

    done = subprocess.run(
        [*command, "--port", str(free_port())], check=False, capture_output=True, text=True
    )

    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert str(identity) in done.stderr


def _config(admin: AdminClient, topic: str) -> dict[str, str]:
    resource = ConfigResource(ResourceType.TOPIC, topic)
    entries = admin.describe_configs([resource])[resource].result(10)
    return {name: entry.value for name, entry in entries.items()}


def _produce(bootstrap: str, values: list[bytes], *, compression: str = "none") -> None:
    settings = {"bootstrap.servers": bootstrap, "acks": "all", "compression.type": compression}
    producer = Producer(settings)
    for value in values:
        producer.produce(topics.TRADES.name, value, partition=0)
    assert producer.flush(10) == 0


def _read(bootstrap: str, count: int) -> list[bytes | None]:
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "reader"})
    consumer.assign([TopicPartition(topics.TRADES.name, 0, 0)])
    values = [message.value() for message in consumer.consume(count, timeout=20)]
    consumer.close()
    return values
