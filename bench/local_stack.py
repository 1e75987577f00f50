"""A local stack on free ports, for benches that look at its processes."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psutil

from candlewick.stack.ports import free_port

END_S = 60
HELPERS = "replays and helpers"


@contextmanager
def running_stack(
    command: str, folder: Path, settings: Mapping[str, str] | None = None
) -> Iterator[psutil.Process]:
    """Run ``candlewick COMMAND`` over a folder, and yield its first process; SIGTERM ends both."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    words = [sys.executable, "-m", "candlewick", command]
    for name in ("kafka", "clickhouse", "exchange", "api"):
        words += [f"--{name}-port", str(free_port())]
    environment = os.environ | {"CANDLEWICK_DATA_DIR": str(folder)} | (settings or {})
    with (folder / "stack.log").open("ab") as log:
        stack = subprocess.Popen(words, env=environment, stdout=log, stderr=log)
    try:
        yield psutil.Process(stack.pid)
    finally:
        stack.terminate()
        stack.wait(END_S)


def name_of(process: psutil.Process, stack: psutil.Process) -> str:
    """Name a process of a stack by what it was started as; helpers of its processes share one."""
    if process.pid == stack.pid:
        return "supervisor"
    if process.ppid() != stack.pid:
        return HELPERS
    words = process.cmdline()
    if any("kafka.Kafka" in word for word in words):
        return "kafka"
    if "-m" not in words:
        return HELPERS
    shown = [word for word in words[words.index("-m") + 1 :] if not word.startswith("-")]
    return " ".join(shown[:2] if "sinks" not in shown[0] else shown[::2])
