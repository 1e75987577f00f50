"""The configuration of the local Kafka: one KRaft node on loopback."""

import base64
import re
import uuid
from pathlib import Path
from typing import Final

from schemas.errors import ConfigurationError

FILE_NAME = "server.properties"
_IDENTITY: Final = {"version": "1", "node.id": "1"}
_PLAIN: Final = frozenset(map(chr, range(ord(" "), ord("~") + 1)))
_CLUSTER_ID: Final = re.compile(r"[A-Za-z0-9_-]{22}")


def server_properties(*, port: int, controller_port: int, logs: Path) -> str:
    """Return the properties file of a node that is both broker and controller.

    With `controller.quorum.voters`, unlike ``--standalone``, the node reads the quorum's address
    from this file at each start, so the ports may change between starts over the same data.

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
        # After kill -9 the node waits until its old session expires: 12 s by default.
        "broker.session.timeout.ms": 2000,
        "broker.heartbeat.interval.ms": 500,
        # One machine, one broker: fewer threads to wake, and less memory for their stacks.
        "num.network.threads": 2,
        "num.io.threads": 4,
        "background.threads": 4,
        # The default of 128 MB is most of the heap. A key takes 24 bytes, and our compacted topics
        # have some thousands; what does not fit would only be cleaned in the next round.
        "log.cleaner.dedupe.buffer.size": 4 * 1024 * 1024,
    }
    return "".join(f"{name}={_as_java_reads_it(value)}\n" for name, value in settings.items())


def refuse_unusable_path(data: Path) -> None:
    """Check that Kafka can be told of a data folder.

    Raises:
        ConfigurationError: Its path has a comma, at which Kafka divides it into two folders.
    """
    if "," in str(data):
        raise ConfigurationError(
            f"Kafka takes {data} for two folders: choose one without a comma in its path "
            f"(CANDLEWICK_DATA_DIR, or --data of a single Kafka)"
        )


def refuse_broken_identity(path: Path) -> None:
    """Check ``meta.properties`` before Kafka does, which would report a fault as a Java trace.

    Raises:
        ConfigurationError: Kafka would not accept the file.

    Source: org.apache.kafka.metadata.properties.MetaProperties, version 1.
    """
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    found = dict(line.strip().split("=", 1) for line in lines if "=" in line)
    wrong = [name for name, value in _IDENTITY.items() if found.get(name) != value]
    if wrong or not _CLUSTER_ID.fullmatch(found.get("cluster.id", "")):
        raise ConfigurationError(
            f"{path} is broken, {', '.join(wrong) or 'cluster.id'} is not as Kafka wrote it: "
            f"restore it, or remove {path.parent} for an empty Kafka; ClickHouse keeps its data"
        )


def _as_java_reads_it(value: object) -> str:
    r"""Return a value for a properties file: Java reads it in Latin-1, and knows escapes.

    Source: Java API, ``java.util.Properties.load``.

    >>> _as_java_reads_it("/home/jörg")
    '/home/j\\u00f6rg'
    """
    raw = str(value).replace("\\", "\\\\").encode("utf-16-be", "surrogatepass")
    units = (int.from_bytes(raw[at : at + 2], "big") for at in range(0, len(raw), 2))
    return "".join(chr(unit) if chr(unit) in _PLAIN else f"\\u{unit:04x}" for unit in units)


def new_cluster_id() -> str:
    """Return a Kafka UUID: 22 characters of url-safe base64.

    Source: org.apache.kafka.common.Uuid, which never generates an id that starts with a dash.
    """
    while True:
        text = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        if not text.startswith("-"):
            return text
