"""The supervisor: keeps processes running, in steps that its owner calls between other work."""

import os
import signal
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from candlewick.stack.addresses import Addresses
from candlewick.stack.backoff import Backoff
from candlewick.stack.child import Child
from candlewick.stack.disk_room import Room
from candlewick.stack.folder import StackFolder
from candlewick.stack.log_files import rotate
from candlewick.stack.process_identity import PATIENCE_S, Identity
from candlewick.stack.programs import Program
from candlewick.stack.readiness import is_ready
from candlewick.stack.state import ProcessState, StackState, write_state
from candlewick.stack.voice import NAME
from clients.process import ending_of
from clients.watching.log import EventLog
from schemas.errors import ConfigurationError

_log = EventLog(__name__)
POLL_S = 0.05
# After a full disk: then the others are started anyway, and wait for the servers themselves.
SERVERS_S = 60.0
TOLD_EVERY_S = 10.0
HASTE = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(slots=True)
class Supervisor:
    """Starts, watches, restarts and ends the processes of one stack folder.

    Use it from the main thread only: the kernel ends a child when the thread that started it
    ends.

    Attributes:
        say: Called with one line when a process dies or the disk is full; that it fails is no
            reason to end.
        grace_s: Seconds a process may take to end before it is killed.
        room: Disk to watch; default: that of the folder.
    """

    folder: StackFolder
    addresses: Addresses
    environment: Mapping[str, str]
    say: Callable[[str], None]
    backoff: Backoff = field(default_factory=Backoff)
    grace_s: float = PATIENCE_S
    ready: bool = False
    room: Room | None = None
    _children: list[Child] = field(default_factory=list)
    _written: StackState | None = None
    _waiting: list[Child] = field(default_factory=list)
    _wait_until: float = 0.0
    _is_unseen: bool = False

    def start(self, program: Program) -> None:
        """Start a program and return at once."""
        log = self.folder.log(program.name)
        child = Child(program, self.environment, log, self.backoff)
        self._children.append(child)
        child.start(time.monotonic())
        self._write_state()

    def wait_until_ready(self, programs: list[Program], patience_s: float) -> None:
        """Wait until all these programs answer, and say every ten seconds what is waited for.

        Raises:
            ConfigurationError: One ended or took too long; the message has its last log lines.
        """
        began = told = time.monotonic()
        waiting = list(programs)
        while waiting := [p for p in waiting if not is_ready(p)]:
            self.refuse_deaths()
            now = time.monotonic()
            if now > began + patience_s:
                late = next(c for c in self._children if c.program in waiting)
                raise _failure(late, f"does not answer after {patience_s:.0f} s")
            if now > told + TOLD_EVERY_S:
                told = now
                self.tell(_waiting_for(waiting, now - began))
            time.sleep(POLL_S)

    def refuse_deaths(self) -> None:
        """Check that no process has ended.

        Raises:
            ConfigurationError: A process has; the message has its last log lines.
        """
        for child in self._children:
            if child.died(time.monotonic()):
                raise _failure(child, f"did not come up, it {ending_of(child.last_exit or 0)}")

    def step(self) -> None:
        """Notice deaths, restart the processes that are due, and rotate the logs.

        It returns at once, except when the disk fills up: then it waits for all processes to end.
        """
        now = time.monotonic()
        if self._is_out_of_room(now):
            return
        self._start_waiting(now)
        for child in self._children:
            if child.died(now):
                self.tell(self._obituary(child, now))
            if child.is_due(now):
                self._restart(child, now)
            with suppress(OSError):  # it is tried again at the next step
                rotate(child.log)
        with suppress(OSError):
            rotate(self.folder.log(NAME))  # its own, in the background
        self._write_state()

    def stop(self) -> None:
        """End all processes, the servers last; a second Ctrl-C does not interrupt it."""
        previous = {s: signal.signal(s, signal.SIG_IGN) for s in HASTE}
        try:
            self._end_all()
            self._write_state()
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)

    def tell(self, line: str) -> None:
        """Say a line, whether or not somebody can hear it."""
        # Its terminal may be gone, and in the background it writes to the disk that is full.
        with suppress(OSError):
            self.say(line)

    def states(self) -> tuple[ProcessState, ...]:
        """Return the present state of every process."""
        return tuple(child.state() for child in self._children)

    def _is_out_of_room(self, now: float) -> bool:
        """Return whether the disk is full; stop all when it fills up, go on when it has room.

        While it cannot be looked at, this stays as it was.
        """
        was_short = self.room is not None and self.room.short
        try:
            room = self.room = self.room or self.folder.room()
            has_room = room.look()
        except OSError as error:
            self._tell_unseen(error)
            return was_short
        self._is_unseen = False
        if has_room:
            if was_short:
                self.tell(
                    _log.info(
                        "disk_has_room",
                        "there is room again, {free_mb:.0f} MB: going on",
                        free_mb=room.free_mb(),
                    )
                )
                self._go_on(now)
            return False
        if not was_short:
            self.tell(
                _log.info(
                    "disk_full",
                    "the disk of {folder} is full: {free_mb:.0f} MB are free; everything waits, "
                    "and goes on by itself when {needed_mb:.0f} MB are free",
                    folder=room.fullest(),
                    free_mb=room.free_mb(),
                    needed_mb=room.needed_mb,
                )
            )
            self._end_all()
            for child in self._children:
                child.hold()
        self._write_state()
        return True

    def _tell_unseen(self, error: OSError) -> None:
        if self._is_unseen:
            return
        self._is_unseen = True
        self.tell(
            _log.info(
                "disk_not_seen",
                "nobody can see how much room the disk of {folder} has ({reason}); all stays as it "
                "is: see whether the disk works, and whether the folder is there",
                folder=self.folder.root,
                reason=error,
            )
        )

    def _go_on(self, now: float) -> None:
        for child in self._servers():
            self._restart(child, now)
        self._waiting = self._others()
        self._wait_until = now + SERVERS_S

    def _start_waiting(self, now: float) -> None:
        """Start the other processes once the servers answer, or after SERVERS_S in any case."""
        if not self._waiting:
            return
        if now < self._wait_until and not all(is_ready(c.program) for c in self._servers()):
            return
        for child in self._waiting:
            self._restart(child, now)
        self._waiting = []
        self.ready = True

    def _servers(self) -> list[Child]:
        return [child for child in self._children if child.program.port is not None]

    def _others(self) -> list[Child]:
        return [child for child in self._children if child.program.port is None]

    def _restart(self, child: Child, now: float) -> None:
        try:
            child.restart(now)
        except OSError as error:
            self.tell(
                _log.info(
                    "process_not_started",
                    "{name} cannot be started ({reason}); trying it again in {wait_s:.1f} s",
                    name=child.program.name,
                    reason=error,
                    wait_s=child.wait_s(now),
                )
            )

    def _end_all(self) -> None:
        self.ready = False
        self._waiting = []
        self._end(self._others())
        self._end(self._servers())

    def _end(self, children: list[Child]) -> None:
        """End processes together; none of them needs another to shut down cleanly."""
        for child in children:
            child.ask_to_end()
        deadline = time.monotonic() + self.grace_s
        for child in children:
            child.make_end(max(0.0, deadline - time.monotonic()))

    def _write_state(self) -> None:
        me = self._written.supervisor if self._written else Identity.of(os.getpid())
        state = StackState(me, self.addresses, self.ready, self.states())
        if state != self._written:
            with suppress(OSError):  # it is tried again at the next step
                write_state(self.folder.state, state)
                self._written = state

    def _obituary(self, child: Child, now: float) -> str:
        return _log.info(
            "process_died",
            "{name} ended with code {code}; starting it again in {wait_s:.1f} s",
            name=child.program.name,
            code=child.last_exit,
            wait_s=child.wait_s(now),
        )


def _waiting_for(programs: list[Program], waited_s: float) -> str:
    return _log.info(
        "servers_awaited",
        "still waiting for {names}: {waited_s:.0f} s so far",
        names=", ".join(program.name for program in programs),
        waited_s=waited_s,
    )


def _failure(child: Child, what: str) -> ConfigurationError:
    said = " | ".join(child.last_words(3)) or "it said nothing"
    return ConfigurationError(f"{child.program.name} {what}: {said} (see {child.log})")
