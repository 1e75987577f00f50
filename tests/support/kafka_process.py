"""A real Kafka node for tests, on a free port of loopback and over a folder of the test."""

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from candlewick.kafka_server.config import FILE_NAME, new_cluster_id, server_properties
from candlewick.kafka_server.jars import ensure_jars, kafka_home
from candlewick.kafka_server.java import KafkaJava
from candlewick.stack.parent_death import leashed
from candlewick.stack.ports import answers, free_port
from clients.kafka.opening import open_admin
from clients.kafka.topics import create_topics
from schemas.settings import KafkaSettings
from schemas.topics import ALL, Topic

START_DEADLINE_S = 120.0  # the first start ever fetches the jars
STOP_DEADLINE_S = 60.0
ANSWER_DEADLINE_S = 60.0
_UNSETTLED = (
    KafkaError.NOT_COORDINATOR,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
)


@dataclass(slots=True)
class RunningKafka:
    """A Kafka node with every topic of the table; `process` is replaced by `restart`."""

    path: Path
    port: int
    process: subprocess.Popen[bytes]

    @property
    def bootstrap(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def settings(self) -> KafkaSettings:
        return KafkaSettings(bootstrap_servers=self.bootstrap)

    @property
    def pid(self) -> int:
        """The Java process itself."""
        return self.process.pid

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """SIGTERM, and make sure of it."""
        self.process.terminate()
        try:
            self.process.wait(STOP_DEADLINE_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def restart(self) -> None:
        """Start again on the same folder and port; stop or kill first."""
        self.process = _start(self.path, self.port)
        wait_until_up(self.process, self.port, self.path / "kafka.log")


@contextmanager
def running_kafka(
    path: Path, *, port: int | None = None, partitions: int = 4, is_formatted: bool = True
) -> Iterator[RunningKafka]:
    """Apache Kafka over `path`; entered again over the same path it has the same data.

    It ends with kill -9, which takes half as much CPU as to let it leave: `stop` it first if that
    matters. A new folder is a copy of one that Kafka has formatted, unless not `is_formatted`.
    """
    port = port or free_port()
    if is_formatted and not (path / "kafka").exists():
        shutil.copytree(_formatted(), path / "kafka")
    kafka = RunningKafka(path, port, _start(path, port))
    try:
        wait_until_up(kafka.process, kafka.port, kafka.path / "kafka.log")
        create_topics(KafkaSettings(bootstrap_servers=kafka.bootstrap, partitions=partitions))
        _wait_until_led(kafka, partitions)
        yield kafka
    finally:
        if kafka.process.poll() is None:
            kafka.kill()


@cache
def _formatted() -> Path:
    """A data folder with an identity: to write it takes a JVM of its own, so it is made once."""
    folder = Path(_templates.name) / "kafka"
    folder.mkdir()
    properties, home = folder / FILE_NAME, kafka_home()
    text = server_properties(port=free_port(), controller_port=free_port(), logs=folder / "logs")
    properties.write_text(text)
    java = KafkaJava(home, tuple(ensure_jars(home)), quick_start=True)
    java.format_storage(properties, new_cluster_id())
    return folder


_templates = tempfile.TemporaryDirectory(prefix="candlewick-tests-")


def _wait_until_led(kafka: RunningKafka, partitions: int) -> None:
    """Wait for the last partition: a producer drops what it has for one that it does not know."""
    admin = open_admin(kafka.settings)
    deadline = time.monotonic() + ANSWER_DEADLINE_S
    while True:
        known = admin.list_topics(timeout=ANSWER_DEADLINE_S).topics
        led = {
            name: sum(p.error is None and p.leader >= 0 for p in topic.partitions.values())
            for name, topic in known.items()
        }
        if all(led.get(topic.name, 0) >= partitions for topic in ALL):
            return
        if time.monotonic() > deadline:
            raise RuntimeError(f"Kafka has no leaders for all partitions: {led}")
        time.sleep(0.02)


def own_topic(kafka: RunningKafka, like: Topic, test: str, partitions: int) -> Topic:
    """A topic of a test's own, just made: nobody has asked for it yet."""
    made = replace(like, name=f"of-{abs(hash(test))}")
    settings = KafkaSettings(bootstrap_servers=kafka.bootstrap, partitions=partitions)
    assert create_topics(settings, (made,)) == [made.name]
    return made


def committed_offsets(group: Consumer, places: Sequence[TopicPartition]) -> list[int]:
    """Where the consumer's group is in each place; below 0 where it has not committed.

    A broker that has just started may name a coordinator that does not know of it yet.
    """
    deadline = time.monotonic() + ANSWER_DEADLINE_S
    while True:
        try:
            return [place.offset for place in group.committed([*places], ANSWER_DEADLINE_S)]
        except KafkaException as error:
            unsettled = error.args[0].code() in _UNSETTLED
            if not unsettled or time.monotonic() > deadline:
                raise


def _start(path: Path, port: int) -> subprocess.Popen[bytes]:
    path.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "candlewick.kafka_server", "--quick-start"]
    command += ["--data", str(path / "kafka"), "--port", str(port)]
    with (path / "kafka.log").open("ab") as log:
        return subprocess.Popen(leashed(command), stdout=log, stderr=subprocess.STDOUT)


def wait_until_up(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Wait for a node's port; fails with the node's own words where it ends or hangs."""
    deadline = time.monotonic() + START_DEADLINE_S
    while not answers(port):
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"Kafka did not start: {log.read_text()[-3000:]}")
        time.sleep(0.02)
