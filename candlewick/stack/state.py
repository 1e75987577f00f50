"""The state file: the supervisor's record of the running processes, for the other commands."""

import sys
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

import psutil
from pydantic import TypeAdapter, ValidationError

from candlewick.stack.addresses import Addresses
from candlewick.stack.process_identity import Identity
from schemas.files import write_whole


class Phase(StrEnum):
    """Phase in the life of a process."""

    RUNNING = "running"
    WAITING = "waiting"
    STOPPED = "stopped"
    NO_ROOM = "waiting for room on the disk"


@dataclass(frozen=True, slots=True)
class ProcessState:
    """State of one process.

    Attributes:
        identity: None while the process does not run.
        restarts: Number of times it was started again.
        last_exit: Exit code of the previous run, negative for a signal; None in the first run.
    """

    name: str
    phase: Phase
    identity: Identity | None
    restarts: int
    last_exit: int | None

    def find(self) -> psutil.Process | None:
        """Return the process if it runs now, whatever its supervisor has noted of it."""
        return self.identity.find() if self.identity else None


@dataclass(frozen=True, slots=True)
class StackState:
    """State of the whole stack; its processes are in the order in which they were started."""

    supervisor: Identity
    addresses: Addresses
    ready: bool
    processes: tuple[ProcessState, ...]

    def identities(self) -> list[Identity]:
        """Return the processes that were running, the last in the list first."""
        return [p.identity for p in reversed(self.processes) if p.identity is not None]


def write_state(path: Path, state: StackState) -> None:
    """Replace the state file."""
    write_whole(path, _adapter().dump_json(state, indent=1))


def read_state(path: Path) -> StackState | None:
    """Return the recorded state; None if nothing has run yet or the file is broken."""
    try:
        return _adapter().validate_json(path.read_bytes(), strict=True)
    except FileNotFoundError:
        return None
    except ValidationError:
        _say_broken(path)
        return None


@cache
def _adapter() -> TypeAdapter[StackState]:
    return TypeAdapter(StackState)


@cache  # once only: a command that waits for a start reads the file ten times a second
def _say_broken(path: Path) -> None:
    sys.stderr.write(f"candlewick: {path} is broken: going on as if nothing had run yet\n")
