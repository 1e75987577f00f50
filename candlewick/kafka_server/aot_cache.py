"""The JVM's ahead-of-time cache: made once by a trial run, it halves the time of later starts."""

import signal
import subprocess
import tempfile
import time
from pathlib import Path

from candlewick.kafka_server.config import FILE_NAME, new_cluster_id, server_properties
from candlewick.kafka_server.jars import explained, only_one
from candlewick.kafka_server.java import AOT_CACHE, KafkaJava, java_environment
from candlewick.stack.parent_death import leashed
from candlewick.stack.ports import answers, free_port
from schemas.files import keep, write_whole

READY_S = 30
WRITE_S = 60


def train(java: KafkaJava) -> None:
    """Run a node in a scratch folder once, and keep the cache that the JVM writes.

    A failure is not an error, as it costs only speed: later starts are as slow as this one.

    Raises:
        ConfigurationError: The cache folder may not be written.

    Source: JEP 514, "Ahead-of-Time Command-Line Ergonomics".
    """
    target = java.home / AOT_CACHE
    if target.exists():
        return
    with (
        explained(java.home),
        only_one(java.home),
        tempfile.TemporaryDirectory(dir=java.home) as scratch,
    ):
        fresh = Path(scratch, AOT_CACHE)
        _trial_run(java, Path(scratch), fresh)
        if fresh.exists():
            keep(fresh)  # a name without its bytes would be an unusable cache that nobody replaces
            fresh.replace(target)


def _trial_run(java: KafkaJava, scratch: Path, cache: Path) -> None:
    port = free_port()
    properties = scratch / FILE_NAME
    logs = scratch / "logs"
    text = server_properties(port=port, controller_port=free_port(), logs=logs)
    write_whole(properties, text)
    java.format_storage(properties, new_cluster_id())
    command = leashed(java.serve(properties, f"-XX:AOTCacheOutput={cache}"))
    nothing = subprocess.DEVNULL
    node = subprocess.Popen(command, stdout=nothing, stderr=nothing, env=java_environment())
    try:
        _wait_until_it_answers(node, port)
        node.send_signal(signal.SIGTERM)
        node.wait(WRITE_S)
    except subprocess.TimeoutExpired:
        pass
    finally:
        node.kill()
        node.wait()


def _wait_until_it_answers(node: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + READY_S
    while node.poll() is None and time.monotonic() < deadline and not answers(port):
        time.sleep(0.1)
