"""Keeps processes running: one step at a time, so that its owner may do other things between."""

import os
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from candlewick.addresses import Addresses
from candlewick.backoff import Backoff
from candlewick.child import Child
from candlewick.folder import StackFolder
from candlewick.identity import Identity
from candlewick.log_files import last_lines, rotate
from candlewick.programs import Program
from candlewick.readiness import is_ready
from candlewick.state import ProcessState, StackState, write_state
from schemas.errors import ConfigurationError

POLL_S = 0.05
HASTE = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(slots=True)
class Supervisor:
    """The processes of one folder.

    Start it, and call it, from the main thread only: the kernel ends a child when the thread
    that started it ends.

    Attributes:
        say: Told one line when a process dies.
        grace_s: How long a process may take to end before it is killed.
    """

    folder: StackFolder
    addresses: Addresses
    environment: Mapping[str, str]
    say: Callable[[str], None]
    backoff: Backoff = field(default_factory=Backoff)
    grace_s: float = 10.0
    ready: bool = False
    _children: list[Child] = field(default_factory=list)
    _written: StackState | None = None

    def start(self, program: Program) -> None:
        """Start a program, without waiting."""
        log = self.folder.log(program.name)
        child = Child(program, self.environment, log, self.backoff)
        self._children.append(child)
        child.start(time.monotonic())
        self._write_state()

    def wait_until_ready(self, programs: list[Program], patience_s: float) -> None:
        """Wait until all of them answer.

        Raises:
            ConfigurationError: One ended, or took too long; with the last lines of its log.
        """
        deadline = time.monotonic() + patience_s
        waiting = list(programs)
        while waiting := [p for p in waiting if not is_ready(p)]:
            self.refuse_deaths()
            if time.monotonic() > deadline:
                raise self._failure(waiting[0].name, f"does not answer after {patience_s:.0f} s")
            time.sleep(POLL_S)

    def refuse_deaths(self) -> None:
        """Raise where a process has ended.

        Raises:
            ConfigurationError: With the last lines of its log.
        """
        for child in self._children:
            if child.died(time.monotonic()):
                raise self._failure(child.program.name, "did not come up")

    def step(self) -> None:
        """Notice who died, start again who is due, keep the logs short. Never waits."""
        now = time.monotonic()
        for child in self._children:
            if child.died(now):
                self.say(self._obituary(child, now))
            if child.is_due(now):
                child.restart(now)
            rotate(child.log)
        self._write_state()

    def stop(self) -> None:
        """End all, the servers after those who use them; a second Ctrl-C does not hurry it."""
        previous = {s: signal.signal(s, signal.SIG_IGN) for s in HASTE}
        try:
            self._end([child for child in self._children if child.program.port is None])
            self._end([child for child in self._children if child.program.port is not None])
            self.ready = False
            self._write_state()
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)

    def states(self) -> tuple[ProcessState, ...]:
        """Return every process as it is now."""
        return tuple(child.state() for child in self._children)

    def _end(self, children: list[Child]) -> None:
        """End processes that do not need each other to end well, all at once."""
        for child in children:
            child.ask_to_end()
        deadline = time.monotonic() + self.grace_s
        for child in children:
            child.make_end(max(0.0, deadline - time.monotonic()))

    def _write_state(self) -> None:
        me = self._written.supervisor if self._written else Identity.of(os.getpid())
        state = StackState(me, self.addresses, self.ready, self.states())
        if state != self._written:
            write_state(self.folder.state, state)
            self._written = state

    def _obituary(self, child: Child, now: float) -> str:
        name, code = child.program.name, child.last_exit
        return f"{name} ended with code {code}; starting it again in {child.wait_s(now):.1f} s"

    def _failure(self, name: str, what: str) -> ConfigurationError:
        log = self.folder.log(name)
        said = " | ".join(line.strip() for line in last_lines(log, 3) if line.strip())
        return ConfigurationError(f"{name} {what}: {said or 'it said nothing'} (see {log})")
