"""A Kafka of three nodes on this machine, each broker and controller, to be killed one by one."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from confluent_kafka.admin import AdminClient

from candlewick.kafka_server.config import new_cluster_id, server_properties
from candlewick.kafka_server.jars import ensure_jars, kafka_home
from candlewick.kafka_server.java import KafkaJava
from candlewick.stack.parent_death import leashed
from candlewick.stack.ports import free_port
from clients.kafka.opening import open_admin
from clients.kafka.topics import create_topics
from schemas.settings import KafkaSettings
from tests.support.kafka_process import wait_until_up

NODES: Final = (1, 2, 3)
COPIES, PARTITIONS = 3, 12  # as in kubernetes/base
_WHOLE_S: Final = 120.0
_STOP_S: Final = 60.0
# Later lines of a properties file replace earlier ones. The rest is as Kafka has it by default.
_OF_THREE: Final = """
node.id={node}
controller.quorum.voters={voters}
default.replication.factor=3
min.insync.replicas=2
offsets.topic.replication.factor=3
transaction.state.log.replication.factor=3
transaction.state.log.min.isr=2
share.coordinator.state.topic.replication.factor=3
share.coordinator.state.topic.min.isr=2
broker.session.timeout.ms=9000
broker.heartbeat.interval.ms=2000
"""


@dataclass(slots=True)
class Cluster:
    """Three nodes; `processes` has those that were started and not killed."""

    folder: Path
    java: KafkaJava
    ports: dict[int, int]
    processes: dict[int, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def settings(self) -> KafkaSettings:
        """How a client finds it: any node names the others."""
        return KafkaSettings(
            bootstrap_servers=",".join(f"127.0.0.1:{port}" for port in self.ports.values()),
            replication_factor=COPIES,
            partitions=PARTITIONS,
        )

    def start(self, node: int) -> None:
        """Start a node, over what it has."""
        command = leashed(self.java.serve(self._place(node) / "server.properties"))
        with self.log(node).open("ab") as log:
            self.processes[node] = subprocess.Popen(command, stdout=log, stderr=log)

    def wait_until_up(self, node: int) -> None:
        """Wait for a node's port."""
        wait_until_up(self.processes[node], self.ports[node], self.log(node))

    def kill(self, node: int) -> None:
        """kill -9."""
        process = self.processes.pop(node)
        process.kill()
        process.wait()

    def stop(self, node: int) -> None:
        """SIGTERM: it hands over what it leads, and leaves."""
        process = self.processes.pop(node)
        process.terminate()
        process.wait(_STOP_S)

    def wait_until_whole(self) -> None:
        """Wait until every copy of every partition is in step."""
        admin, deadline = open_admin(self.settings), time.monotonic() + _WHOLE_S
        while behind := _behind(admin):
            assert time.monotonic() < deadline, f"copies are behind: {behind[:10]}"
            time.sleep(0.2)

    def log(self, node: int) -> Path:
        """Return where a node writes."""
        return self.folder / f"kafka-{node}.log"

    def format(self) -> None:
        """Give each node its configuration and its identity."""
        cluster_id = new_cluster_id()
        controllers = {node: free_port() for node in NODES}
        voters = ",".join(f"{node}@127.0.0.1:{port}" for node, port in controllers.items())
        for node in NODES:
            place = self._place(node)
            place.mkdir(parents=True)
            properties = place / "server.properties"
            alone = server_properties(
                port=self.ports[node], controller_port=controllers[node], logs=place / "logs"
            )
            properties.write_text(alone + _OF_THREE.format(node=node, voters=voters))
            self.java.format_storage(properties, cluster_id)

    def _place(self, node: int) -> Path:
        return self.folder / f"kafka-{node}"


@contextmanager
def running_cluster(folder: Path) -> Iterator[Cluster]:
    """Three nodes with every topic in three copies; they end with the block."""
    home = kafka_home()
    java = KafkaJava(home, tuple(ensure_jars(home)), heap_mb=256)
    cluster = Cluster(folder, java, {node: free_port() for node in NODES})
    cluster.format()
    try:
        for node in NODES:
            cluster.start(node)
        for node in NODES:
            cluster.wait_until_up(node)
        create_topics(cluster.settings)
        cluster.wait_until_whole()
        yield cluster
    finally:
        for process in cluster.processes.values():
            process.terminate()
        for process in cluster.processes.values():
            process.wait(_STOP_S)


def _behind(admin: AdminClient) -> list[str]:
    known = admin.list_topics(timeout=20)
    if len(known.brokers) < len(NODES):
        return [f"{len(known.brokers)} brokers"]
    return [
        f"{topic.topic} {partition.id}"
        for topic in known.topics.values()
        for partition in topic.partitions.values()
        if partition.leader < 0 or len(partition.isrs) < COPIES
    ]
