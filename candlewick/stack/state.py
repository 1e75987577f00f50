"""What runs now, as the supervisor writes it down for the other commands."""

import sys
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from candlewick.stack.addresses import Addresses
from candlewick.stack.process_identity import Identity
from schemas.files import write_whole


class Phase(StrEnum):
    """Where a process is in its life."""

    RUNNING = "running"
    WAITING = "waiting"
    STOPPED = "stopped"
    NO_ROOM = "waiting for room on the disk"


@dataclass(frozen=True, slots=True)
class ProcessState:
    """One process.

    Attributes:
        identity: None while it does not run.
        restarts: How often it was started again.
        last_exit: Exit code of the run before, negative for a signal; None in the first run.
    """

    name: str
    phase: Phase
    identity: Identity | None
    restarts: int
    last_exit: int | None


@dataclass(frozen=True, slots=True)
class StackState:
    """The whole stack."""

    supervisor: Identity
    addresses: Addresses
    ready: bool
    processes: tuple[ProcessState, ...]

    def identities(self) -> list[Identity]:
        """Return the processes that were running, the last started first."""
        return [p.identity for p in reversed(self.processes) if p.identity is not None]


def write_state(path: Path, state: StackState) -> None:
    """Replace the file."""
    write_whole(path, _adapter().dump_json(state, indent=1))


def read_state(path: Path) -> StackState | None:
    """Return what was written last; None where nothing ever ran, or where the file is broken."""
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


@cache  # who waits for a start reads ten times a second
def _say_broken(path: Path) -> None:
    sys.stderr.write(f"candlewick: {path} is broken, which counts as if nothing had run yet\n")
