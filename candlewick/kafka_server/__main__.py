"""Runs an Apache Kafka node in the foreground: ``python -m candlewick.kafka_server --data DIR``."""

import argparse
import os
import shutil
from pathlib import Path

from candlewick.kafka_server.aot_cache import train
from candlewick.kafka_server.config import (
    FILE_NAME,
    new_cluster_id,
    refuse_broken_identity,
    refuse_unusable_path,
    server_properties,
)
from candlewick.kafka_server.jars import ensure_jars, kafka_home
from candlewick.kafka_server.java import KafkaJava, java_environment
from candlewick.stack.ports import free_port, is_free, port_number
from candlewick.terminal.console import one_line_errors
from schemas.errors import ConfigurationError
from schemas.files import write_whole


def prepare_node(java: KafkaJava, data: Path, port: int) -> Path:
    """Write the node's configuration and, the first time, its identity.

    Returns:
        The properties file to start Kafka with.

    Raises:
        ConfigurationError: The port is taken, Kafka cannot use the folder, or the identity in the
            folder is broken.
    """
    refuse_unusable_path(data)
    if not is_free(port):
        raise ConfigurationError(f"port {port} is taken: give Kafka another one with --port")
    data.mkdir(parents=True, exist_ok=True)
    logs = data / "logs"
    properties = data / FILE_NAME
    text = server_properties(port=port, controller_port=free_port(), logs=logs)
    write_whole(properties, text)
    identity = logs / "meta.properties"
    if identity.exists():
        refuse_broken_identity(identity)
    else:
        java.format_storage(properties, new_cluster_id())
    return properties


def main() -> None:
    """Replace this process by Kafka's, so that Kafka has its process id and gets its signals."""
    arguments = _arguments()
    with one_line_errors():
        home = kafka_home()
        java = KafkaJava(
            home,
            tuple(ensure_jars(home)),
            heap_mb=arguments.heap_mb,
            quick_start=arguments.quick_start,
        )
        if arguments.prepare:
            train(java)
            return
        data = arguments.data.resolve()
        properties = prepare_node(java, data, arguments.port)
        command = java.serve(properties, f"-Djava.io.tmpdir={_emptied(data / 'tmp')}")
        os.execve(command[0], command, java_environment())  # noqa: S606 - no shell is wanted


def _emptied(folder: Path) -> Path:
    """Return an empty folder: what libraries unpack is left behind by a broker that is killed."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(exist_ok=True)
    return folder


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path(".candlewick/kafka"), help="data folder")
    parser.add_argument("--port", type=port_number, default=9092, help="port on loopback")
    parser.add_argument("--heap-mb", type=int, default=192, help="Java heap in megabytes")
    parser.add_argument("--quick-start", action="store_true", help="start fast, run slower")
    parser.add_argument("--prepare", action="store_true", help="fetch Kafka, then exit")
    return parser.parse_args()


if __name__ == "__main__":
    main()
