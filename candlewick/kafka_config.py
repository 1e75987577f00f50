"""The configuration of the local Kafka: one KRaft node on loopback."""

import base64
import uuid
from pathlib import Path

FILE_NAME = "server.properties"


def server_properties(*, port: int, controller_port: int, logs: Path) -> str:
    """Return the properties file of a node that is broker and controller.

    A quorum given as voters, not by ``--standalone``, takes its address from here at each start,
    so the ports may change between two starts over the same data.

    Source: Apache Kafka 4.3 documentation, "Broker Configs" and "KRaft".
    """
    settings = {
        "process.roles": "broker,controller",
        "node.id": 1,
        "controller.quorum.voters": f"1@127.0.0.1:{controller_port}",
        "listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "PLAINTEXT",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "log.dirs": logs,
        "auto.create.topics.enable": "false",
        "group.initial.rebalance.delay.ms": 0,
        "offsets.topic.replication.factor": 1,
        "offsets.topic.num.partitions": 4,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "transaction.state.log.num.partitions": 4,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
        # After kill -9 the node waits until its own old session has ended: 12 s by default.
        "broker.session.timeout.ms": 2000,
        "broker.heartbeat.interval.ms": 500,
        # 128 MB by default, a third of the heap, for topics of a few megabytes.
        "log.cleaner.dedupe.buffer.size": 16 * 1024 * 1024,
    }
    return "".join(f"{name}={value}\n" for name, value in settings.items())


def new_cluster_id() -> str:
    """Return a Kafka UUID: 22 characters of url-safe base64.

    Source: org.apache.kafka.common.Uuid; ids that start with a dash are not given out.
    """
    while True:
        text = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        if not text.startswith("-"):
            return text
