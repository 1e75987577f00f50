"""The stack that faults are done to: its processes, its disks, its clocks."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psutil
import pytest

from candlewick.stack.folder import StackFolder
from candlewick.stack.process_identity import Identity
from candlewick.stack.state import read_state
from tests.chaos.connections import is_possible
from tests.chaos.schedule import DISKS, SUPERVISOR, SYMBOLS, Kind
from tests.support.debian import program
from tests.support.small_disk import small_disk
from tests.support.stack import Stack, running_stack

_ROOT_MB: Final = 1_000
_PART_MB: Final = 1_500
_CLOCKS: Final = Path(__file__).parent / "clock"


@dataclass(slots=True)
class World:
    """A running stack.

    Attributes:
        clocks: Folder in which a file says by how much the clock of a process is wrong.
        impossible: Kinds of faults that this machine does not allow, each with the reason.
    """

    stack: Stack
    clocks: Path
    impossible: dict[Kind, str] = field(default_factory=dict)

    def process(self, name: str) -> psutil.Process | None:
        """Return a process of the stack if it runs now."""
        with_identity = self._identities().get(name)
        return with_identity.find() if with_identity else None

    def processes(self) -> dict[str, psutil.Process]:
        """Return every process that runs now by its name, the supervisor too."""
        found = {name: identity.find() for name, identity in self._identities().items()}
        return {name: process for name, process in found.items() if process}

    def disk(self, part: str) -> Path:
        """Return the folder that is a disk of its own."""
        return self.stack.folder if part == DISKS[0] else self.stack.folder / part

    def keep(self, place: Path) -> None:
        """Copy the data folder: its disks are in memory, and end with the run."""
        shutil.copytree(self.stack.folder, place, ignore_dangling_symlinks=True)

    def _identities(self) -> dict[str, Identity]:
        state = read_state(StackFolder(self.stack.folder).state)
        if state is None:
            return {}
        known = {each.name: each.identity for each in state.processes if each.identity}
        return known | {SUPERVISOR: state.supervisor}


@contextmanager
def running_world(folder: Path, *, seed: int, rate: float, disks: bool = True) -> Iterator[World]:
    """A stack over small disks of its own, whose processes may be given wrong clocks.

    Args:
        folder: Everything is made in it.
        seed: Seed of the market too.
        rate: Trades a second of the whole simulated market.
        disks: Whether disks will be full: without, nothing is mounted.
    """
    impossible, clocks = {}, folder / "clocks"
    clocks.mkdir(parents=True)
    with ExitStack() as stack:
        if not disks or not _mounted(stack, folder / "stack"):
            impossible[Kind.DISK] = "a small disk is mounted by root only"
        if not is_possible():
            reason = "only Linux lends sockets of a process"
            impossible |= dict.fromkeys((Kind.CUT, Kind.DELAY, Kind.SILENCE), reason)
        library = _libfaketime()
        if library is None:
            impossible[Kind.CLOCK] = "not installed: `apt-get install faketime`"
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv("PYTHONPATH", str(_CLOCKS))
            environment.setenv("CHAOS_CLOCKS", str(clocks))
            environment.setenv("CHAOS_LIBFAKETIME", library or "")
            running = running_stack(
                folder,
                symbols=SYMBOLS,
                workers=2,
                simulation__rate=str(rate),
                simulation__seed=str(seed),
                backfill__since="2d",
            )
            yield World(stack.enter_context(running), clocks, impossible)


def _mounted(stack: ExitStack, root: Path) -> bool:
    try:
        stack.enter_context(small_disk(root, mb=_ROOT_MB))
        for part in DISKS[1:]:
            stack.enter_context(small_disk(root / part, mb=_PART_MB))
    except pytest.skip.Exception:
        return False
    return True


def _libfaketime() -> str | None:
    def found() -> str | None:
        return next((str(f) for f in Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")), None)

    try:
        return program(found, "faketime")
    except pytest.skip.Exception:
        return None
