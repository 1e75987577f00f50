"""One supervised process: started, looked at, started again when it dies, ended."""

import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from candlewick.stack.backoff import Backoff
from candlewick.stack.disk_room import is_full
from candlewick.stack.parent_death import leashed
from candlewick.stack.process_identity import Identity
from candlewick.stack.programs import Program
from candlewick.stack.state import Phase, ProcessState


@dataclass(slots=True)
class Child:
    """A program and its present run. Times are seconds of one monotonic clock."""

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

    def start(self, now: float) -> None:
        """Start the program, its output behind what its log has."""
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
        """Tell, once, that the process ended; it is then due again after its back-off."""
        if self._process is None or (code := self._process.poll()) is None:
            return False
        self._failures = self.backoff.failures(self._failures, now - self._started_at)
        self._retry_at = now + self.backoff.wait_s(self._failures)
        self._process, self._identity, self.last_exit = None, None, code
        return True

    def is_due(self, now: float) -> bool:
        """Tell whether it is time to start again."""
        return self._retry_at is not None and now >= self._retry_at

    def restart(self, now: float) -> None:
        """Start again after a death; where the disk has no room even for that, later."""
        self.restarts += 1
        try:
            self.start(now)
        except OSError as error:
            if not is_full(error):
                raise
            self._failures += 1
            self._retry_at = now + self.backoff.wait_s(self._failures)

    def wait_s(self, now: float) -> float:
        """Return the seconds until the next start, 0 while it runs."""
        return 0.0 if self._retry_at is None else max(0.0, self._retry_at - now)

    def ask_to_end(self) -> None:
        """Send SIGTERM, and start no more."""
        self._retry_at, self._is_held = None, False
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)

    def make_end(self, patience_s: float) -> None:
        """Wait for the end; SIGKILL when the patience is over."""
        if self._process is None:
            return
        try:
            self._process.wait(patience_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process, self._identity = None, None

    def hold(self) -> None:
        """Let it rest, ended, until `restart`; how often it failed before counts no more."""
        self._retry_at, self._is_held, self._failures = None, True, 0

    def state(self) -> ProcessState:
        """Return what there is to know of it."""
        return ProcessState(
            self.program.name, self._phase(), self._identity, self.restarts, self.last_exit
        )

    def _phase(self) -> Phase:
        if self._process is not None:
            return Phase.RUNNING
        if self._is_held:
            return Phase.NO_ROOM
        return Phase.STOPPED if self._retry_at is None else Phase.WAITING
