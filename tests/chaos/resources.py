"""How much memory and how many file descriptors each process takes, and whether that is bounded."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

import psutil

from candlewick.stack.process_memory import memory_bytes
from tests.chaos.world import World

_EVERY_S: Final = 5.0
_MB: Final = 1_000_000
# What is never passed in a run of a few symbols. A leak of a restart or of a connection adds up.
MOST_MB: Final = {"clickhouse": 2_000, "kafka": 800}
MOST_MB_OF_OTHERS: Final = 600
MOST_FILES: Final = {"kafka": 2_000, "clickhouse": 2_000}
MOST_FILES_OF_OTHERS: Final = 300


@dataclass(slots=True)
class Peaks:
    """The most that was seen of each process: bytes, and file descriptors."""

    memory: dict[str, int] = field(default_factory=dict)
    files: dict[str, int] = field(default_factory=dict)

    def look(self, processes: dict[str, psutil.Process]) -> None:
        """Look at every process once."""
        for name, process in processes.items():
            try:
                files = process.num_fds()
            except psutil.Error:
                continue
            self.files[name] = max(files, self.files.get(name, 0))
            self.memory[name] = max(memory_bytes(process) or 0, self.memory.get(name, 0))

    def beyond(self) -> list[str]:
        """Return what was more than it may be."""
        found = []
        for name, size in self.memory.items():
            most = MOST_MB.get(name, MOST_MB_OF_OTHERS)
            if size > most * _MB:
                found.append(f"{name} took {size // _MB} MB, more than {most}")
        for name, files in self.files.items():
            most = MOST_FILES.get(name, MOST_FILES_OF_OTHERS)
            if files > most:
                found.append(f"{name} had {files} open files, more than {most}")
        return found

    def shown(self) -> str:
        """Return all of it in one line."""
        return ", ".join(
            f"{name} {size // _MB} MB {self.files[name]} files"
            for name, size in sorted(self.memory.items())
        )


@contextmanager
def watched(world: World) -> Iterator[Peaks]:
    """Look at every process every few seconds while the block runs."""
    peaks, over = Peaks(), threading.Event()

    def watch() -> None:
        while not over.wait(_EVERY_S):
            peaks.look(world.processes())

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield peaks
    finally:
        over.set()
        thread.join()
