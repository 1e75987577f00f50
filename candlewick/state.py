"""What runs now, as the supervisor writes it down for the other commands."""

import json
import os
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

from candlewick.addresses import Addresses
from candlewick.identity import Identity


class Phase(StrEnum):
    """Where a process is in its life."""

    RUNNING = "running"
    WAITING = "waiting"
    STOPPED = "stopped"


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
    """Replace the file in one step, so that a reader never sees half of it."""
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(asdict(state), indent=1), encoding="utf-8")
    os.replace(fresh, path)  # noqa: PTH105 - the name says that it overwrites


def read_state(path: Path) -> StackState | None:
    """Return what was written last, or None where nothing ever ran."""
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return StackState(
        supervisor=Identity(**raw["supervisor"]),
        addresses=Addresses(**raw["addresses"]),
        ready=raw["ready"],
        processes=tuple(_process(item) for item in raw["processes"]),
    )


def _process(raw: dict[str, object]) -> ProcessState:
    fields = dict(raw)
    identity = fields.pop("identity")
    found = Identity(**identity) if isinstance(identity, dict) else None
    phase = Phase(str(fields.pop("phase")))
    return ProcessState(phase=phase, identity=found, **fields)  # type: ignore[arg-type]
