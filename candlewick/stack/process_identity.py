"""Identity of a process: its id and its start time, because the system reuses ids."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil

from clients.process import GRACE_S

# A process that is held up leaves by itself and says why; only then is it killed.
PATIENCE_S = GRACE_S + 3.0
END_S = 90  # of a whole stack, which ends its processes one after the other
MOST_PIDS = 2**31  # ids are positive 32-bit numbers
SAME_START_S = 0.05  # the clock of process starts has ticks of 10 ms
_BOOT = Path("/proc/sys/kernel/random/boot_id")
_START_FIELD = 22 - 3  # of proc_pid_stat(5), counted behind the name, which may have spaces


@dataclass(frozen=True, slots=True)
class Identity:
    """One process, never confused with a later one of the same id.

    Attributes:
        started_s: Start time that the system reports, UTC epoch seconds. On Linux it is reckoned
            back from the present time, so a step of the clock moves it.
        mark: The boot, and the start in ticks since then, which no clock moves. None where the
            system has none, and in what an older version has written: `started_s` counts then.
    """

    pid: int
    started_s: float
    mark: str | None = None

    def __post_init__(self) -> None:
        """Check the process id.

        Raises:
            ValueError: The id is outside the range that a system assigns.
        """
        if not 0 < self.pid < MOST_PIDS:
            raise ValueError(f"{self.pid} is not a process id")

    @classmethod
    def of(cls, pid: int) -> "Identity":
        """Return the identity of a process that runs now.

        Raises:
            ProcessLookupError: No process has this id.
        """
        try:
            return cls(pid, psutil.Process(pid).create_time(), _mark(pid))
        except psutil.NoSuchProcess as error:
            raise ProcessLookupError(pid) from error

    @classmethod
    def find_of(cls, pid: int) -> "Identity | None":
        """Return the identity of a process, or None if it has already ended."""
        try:
            return cls.of(pid)
        except ProcessLookupError:
            return None

    def find(self) -> psutil.Process | None:
        """Return the process if it still runs, and never a later one with the same id."""
        try:
            process = psutil.Process(self.pid)
            is_same = self._began_as(process)
            return process if is_same and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.NoSuchProcess:
            return None

    def _began_as(self, process: psutil.Process) -> bool:
        if self.mark is not None:
            return self.mark == _mark(self.pid)
        return abs(process.create_time() - self.started_s) < SAME_START_S


def end_all(identities: list[Identity], grace_s: float = PATIENCE_S) -> None:
    """End processes that another supervisor left: SIGTERM, then SIGKILL after `grace_s`."""
    alive = [process for identity in identities if (process := identity.find())]
    for process in alive:
        tolerate_gone(process.terminate)
    _, stubborn = psutil.wait_procs(alive, timeout=grace_s)
    for process in stubborn:
        tolerate_gone(process.kill)
    psutil.wait_procs(stubborn, timeout=grace_s)


def _mark(pid: int) -> str | None:
    """Return the boot and the start of a process in ticks; None where the system tells neither."""
    try:
        boot = _BOOT.read_text(encoding="ascii").strip()
        told = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2]
    except OSError:
        return None
    return f"{boot} {told.split()[_START_FIELD]}"


def tolerate_gone(signal: Callable[[], None]) -> None:
    """Send a signal to a process that may just have ended by itself."""
    try:
        signal()
    except psutil.NoSuchProcess:
        return
