"""A process that is measured from outside: its processor time, its memory, and what it says."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from queue import Empty, Queue
from threading import Thread

import psutil

from candlewick.stack.parent_death import leashed
from candlewick.stack.process_memory import memory_bytes

STOP_S = 20.0


def cpu_s(pid: int) -> float:
    """The processor time of a process and its children so far."""
    return sum(sum(one.cpu_times()[:2]) for one in _family(pid))


def waited_s(pid: int) -> float:
    """How long the first thread of a process has waited for a processor so far.

    Source: Documentation/scheduler/sched-stats.rst of Linux, "/proc/<pid>/schedstat".
    """
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e9


def memory_mb(pid: int) -> float:
    """The memory that a process and its children hold now, shared pages split."""
    return sum(memory_bytes(one) or 0 for one in _family(pid)) / 1e6


def peak_mb(pid: int) -> float:
    """The most memory that a process has held."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def _family(pid: int) -> list[psutil.Process]:
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]


class Watched:
    """A process that ends with this one; it writes to a log, or what it says is heard."""

    def __init__(
        self,
        command: Sequence[str],
        log: Path,
        environment: Mapping[str, str] | None = None,
        *,
        talks: bool = False,
    ) -> None:
        clean = {k: v for k, v in os.environ.items() if not k.startswith("CANDLEWICK_")}
        self.log = log
        self._heard: Queue[str] = Queue()
        with log.open("ab") as file:
            self.process = subprocess.Popen(
                leashed([*command]),
                env=clean | dict(environment or {}),
                stdin=subprocess.PIPE if talks else subprocess.DEVNULL,
                stdout=subprocess.PIPE if talks else file,
                stderr=file,
                text=True,
                bufsize=1,
            )
        if talks:
            Thread(target=self._listen, daemon=True).start()

    @property
    def pid(self) -> int:
        return self.process.pid

    def tell(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    def hear(self, word: str, within_s: float = 60.0) -> list[str]:
        """Wait for a line that begins with a word, and return its other words."""
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                first, *words = self._heard.get(timeout=0.05).split()
            except Empty:
                continue
            if first == word:
                return words
        raise RuntimeError(f"no {word} was heard: {self.tail()}")

    def hear_newest(self, word: str) -> list[str]:
        """The same of a line that is said from now on."""
        while not self._heard.empty():
            self._heard.get()
        return self.hear(word)

    def check(self) -> None:
        """Raise if the process has ended."""
        if self.process.poll() is not None:
            code = self.process.returncode
            raise RuntimeError(f"{self.log.stem} has ended with code {code}: {self.tail()}")

    def tail(self) -> str:
        return self.log.read_text(errors="replace")[-1500:]

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._heard.put(line)


def python(*words: str) -> list[str]:
    """A command that runs a module with this Python."""
    return [sys.executable, "-m", *words]


def machine() -> str:
    """What it runs on, and how busy that is."""
    memory_gib = psutil.virtual_memory().total / 2**30
    return f"{os.cpu_count()} processors, {memory_gib:.0f} GiB, load {os.getloadavg()[0]:.1f}"
