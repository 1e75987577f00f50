"""One supervised process: starts it, notices its death, restarts it and ends it."""

import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from candlewick.stack.backoff import Backoff
from candlewick.stack.log_files import last_words, length
from candlewick.stack.parent_death import leashed
from candlewick.stack.process_identity import Identity
from candlewick.stack.programs import Program
from candlewick.stack.state import Phase, ProcessState


@dataclass(slots=True)
class Child:
    """A program and its current run. Times are seconds of one monotonic clock."""

    program: Program
    environment: Mapping[str, str]
    log: Path
    backoff: Backoff = field(default_factory=Backoff)
    restarts: int = 0
    last_exit: int | None = None
    _process: subprocess.Popen[bytes] | None = None
    _identity: Identity | None = None
    _started_at: float = 0.0
    _retry_at: float | None = None
    _failures: int = 0
    _is_held: bool = False
    _log_began: int = 0

    def start(self, now: float) -> None:
        """Start the program, with its output appended to its log.

        Raises:
            OSError: The log cannot be written, or the system has no room for a process.
        """
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self._log_began = length(self.log)
        with self.log.open("ab") as output:
            # Its own session: Ctrl-C in the terminal reaches the supervisor only.
            self._process = subprocess.Popen(
                leashed(list(self.program.command)),
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._identity = Identity.find_of(self._process.pid)
        self._started_at, self._retry_at, self._is_held = now, None, False

    def died(self, now: float) -> bool:
        """Return True once when the process has ended, and schedule its restart."""
        if self._process is None or (code := self._process.poll()) is None:
            return False
        self._failures = self.backoff.failures(self._failures, now - self._started_at)
        self._retry_at = now + self.backoff.wait_s(self._failures)
        self._process, self._identity, self.last_exit = None, None, code
        return True

    def last_words(self, count: int) -> list[str]:
        """Return the last lines that this run has written, at most `count`."""
        return last_words(self.log, count, since=self._log_began)

    def is_due(self, now: float) -> bool:
        """Return whether the scheduled restart is due."""
        return self._retry_at is not None and now >= self._retry_at

    def restart(self, now: float) -> None:
        """Start the process again.

        Raises:
            OSError: It could not be started now; another restart is scheduled, as after a death.
        """
        self.restarts += 1
        try:
            self.start(now)
        except OSError:
            self._failures += 1
            self._retry_at = now + self.backoff.wait_s(self._failures)
            raise

    def wait_s(self, now: float) -> float:
        """Return the seconds until the next start, 0 if none is scheduled."""
        return 0.0 if self._retry_at is None else max(0.0, self._retry_at - now)

    def ask_to_end(self) -> None:
        """Send SIGTERM and cancel any scheduled restart."""
        self._retry_at, self._is_held = None, False
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)

    def make_end(self, patience_s: float) -> None:
        """Wait up to `patience_s` for the process to end, then send SIGKILL."""
        if self._process is None:
            return
        try:
            self._process.wait(patience_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process, self._identity = None, None

    def hold(self) -> None:
        """Mark the ended process as waiting for disk space, and reset its count of failures."""
        self._retry_at, self._is_held, self._failures = None, True, 0

    def state(self) -> ProcessState:
        """Return the present state of the process, as the state file records it."""
        return ProcessState(
            self.program.name, self._phase(), self._identity, self.restarts, self.last_exit
        )

    def _phase(self) -> Phase:
        if self._process is not None:
            return Phase.RUNNING
        if self._is_held:
            return Phase.NO_ROOM
        return Phase.STOPPED if self._retry_at is None else Phase.WAITING
