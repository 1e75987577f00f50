"""What prepares Kafka leaves no process behind: a command in place of the JVM, which never ends."""

import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

PATIENCE_S = 20.0
NEVER_ENDS = """
import os, sys, time
with open(sys.argv[1], "w") as file:
    file.write(f"{os.getpid()}\\n")
time.sleep(600)
"""
PREPARE = """
import sys
from pathlib import Path
from candlewick.kafka_server.aot_cache import train
from candlewick.kafka_server.java import KafkaJava

here, formats, never_ends = Path(sys.argv[1]), sys.argv[2] == "formats", sys.argv[3]
command = [sys.executable, "-c", never_ends, str(here / "pid")]
KafkaJava._command = lambda *_, **__: command
if not formats:
    KafkaJava.format_storage = lambda *_: None
train(KafkaJava(here / "cache", ()))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent-death signal is Linux's")
@pytest.mark.parametrize("step", ["formats", "runs"])
def test_the_jvm_of_a_preparation_that_is_killed_ends_with_it(tmp_path: Path, step: str) -> None:
    told = tmp_path / "pid"
    command = [sys.executable, "-c", PREPARE, str(tmp_path), step, NEVER_ENDS]
    with subprocess.Popen(command) as preparation:
        try:
            deadline = time.monotonic() + PATIENCE_S
            while not told.exists() or not told.read_text().endswith("\n"):
                assert preparation.poll() is None
                assert time.monotonic() < deadline
            jvm = psutil.Process(int(told.read_text()))
        finally:
            preparation.kill()
    psutil.wait_procs([jvm], timeout=PATIENCE_S)

    is_left = jvm.is_running()
    if is_left:
        jvm.kill()
    assert not is_left
