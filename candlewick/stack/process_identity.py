"""A process known by its id and its start, because ids are given out again."""

from collections.abc import Callable
from dataclasses import dataclass

import psutil

MOST_PIDS = 2**31  # ids are positive 32-bit numbers
SAME_START_S = 0.05  # the clock of process starts has ticks of 10 ms


@dataclass(frozen=True, slots=True)
class Identity:
    """One process for all time.

    Attributes:
        started_s: When it started, UTC epoch seconds, as the system tells it.
    """

    pid: int
    started_s: float

    def __post_init__(self) -> None:
        """Refuse what is no process.

        Raises:
            ValueError: The id is none that a system gives.
        """
        if not 0 < self.pid < MOST_PIDS:
            raise ValueError(f"{self.pid} is no process id")

    @classmethod
    def of(cls, pid: int) -> "Identity":
        """Return the identity of a process that runs now.

        Raises:
            ProcessLookupError: It does not.
        """
        try:
            return cls(pid, psutil.Process(pid).create_time())
        except psutil.NoSuchProcess as error:
            raise ProcessLookupError(pid) from error

    @classmethod
    def find_of(cls, pid: int) -> "Identity | None":
        """Return the identity of a process, or None where it has already ended."""
        try:
            return cls.of(pid)
        except ProcessLookupError:
            return None

    def find(self) -> psutil.Process | None:
        """Return the process while it lives, and never another one under its id."""
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.started_s) < SAME_START_S
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.NoSuchProcess:
            return None


def end_all(identities: list[Identity], grace_s: float = 10.0) -> None:
    """End processes that another supervisor left: SIGTERM, then SIGKILL."""
    alive = [process for identity in identities if (process := identity.find())]
    for process in alive:
        _tolerate_gone(process.terminate)
    _, stubborn = psutil.wait_procs(alive, timeout=grace_s)
    for process in stubborn:
        _tolerate_gone(process.kill)
    psutil.wait_procs(stubborn, timeout=grace_s)


def _tolerate_gone(signal: Callable[[], None]) -> None:
    try:
        signal()
    except psutil.NoSuchProcess:
        return
