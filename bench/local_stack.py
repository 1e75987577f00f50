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
