"""Does each fault to the stack, and undoes those that last."""

import heapq
import json
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from typing import Final

import httpx
import psutil

from candlewick.stack.state import Phase
from tests.chaos.connections import connections, cut, let_speak, silence
from tests.chaos.schedule import DISKS, SUPERVISOR, Fault, Kind
from tests.chaos.world import World
from tests.support.small_disk import fill

_AGAIN_S: Final = 180.0  # until the stack is up again after its supervisor was killed
Undo = Callable[[], object]


@dataclass(slots=True)
class Deeds:
    """What has been done, and what must be undone.

    Attributes:
        done: How often each kind was done.
        missed: How often it could not be, because nothing was there to be hit at that moment.
        told: What was told at the restarts of the stack.
    """

    world: World
    say: Callable[[str], None]
    done: Counter[str] = field(default_factory=Counter)
    missed: Counter[str] = field(default_factory=Counter)
    _undo: list[tuple[float, int, Undo]] = field(default_factory=list)
    _order: Iterator[int] = field(default_factory=count)

    def do(self, fault: Fault) -> bool:
        """Do a fault; return whether anything was there to be hit."""
        hit = _DEEDS[fault.kind](self, fault)
        (self.done if hit else self.missed)[fault.name] += 1
        return hit

    def undo_due(self) -> None:
        """Undo what has lasted long enough."""
        while self._undo and self._undo[0][0] <= time.monotonic():
            heapq.heappop(self._undo)[2]()

    def undo_all(self) -> None:
        """Undo everything at once, and let the exchange be honest."""
        while self._undo:
            heapq.heappop(self._undo)[2]()
        for file in self.world.clocks.iterdir():
            file.write_text("+0")
        deadline = time.monotonic() + _AGAIN_S
        while True:
            self.keep_up()
            try:
                self.world.stack.admin("DELETE", "faults")
            except httpx.HTTPError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.5)
            else:
                return

    def keep_up(self) -> bool:
        """Start the stack again over its folder if its supervisor is gone, as a user would.

        Returns:
            Whether it was gone.

        Raises:
            AssertionError: It does not start; the message has what it said.
        """
        if self.world.process(SUPERVISOR) is not None:
            return False
        up = self.world.stack.up()
        assert up.returncode == 0, f"`candlewick up` after kill -9: {up.stderr or up.stdout}"
        self.say("the stack is up again")
        return True

    def _later(self, fault: Fault, undo: Undo) -> None:
        heapq.heappush(self._undo, (time.monotonic() + fault.for_s, next(self._order), undo))

    def _kill(self, fault: Fault) -> bool:
        process = self.world.process(fault.target)
        return process is not None and _signal(process, signal.SIGKILL)

    def _restart(self, fault: Fault) -> bool:
        process = self.world.process(fault.target)
        return process is not None and _signal(process, signal.SIGTERM)

    def _stop(self, fault: Fault) -> bool:
        process = self.world.process(fault.target)
        if process is None or not _signal(process, signal.SIGSTOP):
            return False
        self._later(fault, lambda: _signal(process, signal.SIGCONT))
        return True

    def _cut(self, fault: Fault) -> bool:
        found = connections(*self._ends(fault))
        cut(found)
        return bool(found)

    def _silence(self, fault: Fault) -> bool:
        found = connections(*self._ends(fault))
        silence(found)
        self._later(fault, lambda: let_speak(found))
        return bool(found)

    def _ends(self, fault: Fault) -> tuple[psutil.Process | None, int]:
        client, server = fault.target.split(">")
        return self.world.process(client), self.world.stack.ports[server]

    def _lie(self, fault: Fault) -> bool:
        try:
            self.world.stack.admin("POST", "faults", json.loads(fault.value))
        except httpx.TransportError:
            return False  # the exchange is down, or stands still
        return True

    def _disk(self, fault: Fault) -> bool:
        disk = self.world.disk(fault.target)
        ballast = fill(disk)
        end_s = time.monotonic() + fault.for_s
        while time.monotonic() < end_s:
            self._wait()
        ballast.unlink()
        if fault.target == DISKS[0]:
            self._wait_for_room()
        return True

    def _wait_for_room(self) -> None:
        # It is about the whole stack: other faults meanwhile would hit nothing.
        deadline = time.monotonic() + _AGAIN_S
        while self._without_room() and time.monotonic() < deadline:
            self._wait()

    def _wait(self) -> None:
        self.undo_due()  # a supervisor that stands still would wait for ever
        time.sleep(0.2)

    def _without_room(self) -> bool:
        phases = {each["phase"] for each in self.world.stack.states().values()}
        return Phase.NO_ROOM in phases

    def _clock(self, fault: Fault) -> bool:
        process = self.world.process(fault.target)
        if process is None:
            return False
        file = self.world.clocks / fault.target
        file.write_text(fault.value)
        killed = _signal(process, signal.SIGKILL)  # only a new process has a wrong clock
        self._later(fault, lambda: file.write_text("+0"))
        return killed


def _signal(process: psutil.Process, number: int) -> bool:
    with suppress(psutil.NoSuchProcess):
        process.send_signal(number)
        return True
    return False


_DEEDS: Final[dict[Kind, Callable[[Deeds, Fault], bool]]] = {
    Kind.KILL: Deeds._kill,
    Kind.STOP: Deeds._stop,
    Kind.RESTART: Deeds._restart,
    Kind.CUT: Deeds._cut,
    Kind.DELAY: Deeds._silence,
    Kind.SILENCE: Deeds._silence,
    Kind.LIE: Deeds._lie,
    Kind.DISK: Deeds._disk,
    Kind.CLOCK: Deeds._clock,
}
