"""The process of an extra model, with limits of time and memory. A new one replaces it."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress

import psutil

from clients.process import ending_of
from processors.extra.line import Content, Line, LineCut
from processors.extra.specification import Specification
from schemas.settings import PREFIX

CHILD = "processors.extra.child"
_SLICE_S = 0.2  # from one look at the time taken to the next
_LAST_WORDS_S = 5.0
_MB = 1_000_000
# Its numbers must not depend on the order of a set or on the number of cores.
_STEADY = {"PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


class Fault(Exception):  # noqa: N818 - what it is
    """The model gave no answer; the message says why."""


class ModelProcess:
    """A process that was started and not yet ended. Start it in the main thread."""

    def __init__(self, specification: Specification, module: str = CHILD) -> None:
        ours, theirs = socket.socketpair()
        self._most_mb = specification.limits.memory_mb
        arguments = (theirs.fileno(), os.getpid(), specification.place, self._most_mb)
        kept = {k: v for k, v in os.environ.items() if not k.upper().startswith(PREFIX)}
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", module, *map(str, arguments)],
            env=kept | _STEADY,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(theirs.fileno(),),
        )
        theirs.close()
        self._line = Line(ours)
        self._started_s = time.monotonic()

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    def has_spoken(self) -> bool:
        """Return whether a message has come."""
        return self._line.waits(0)

    def has_had(self, *, cpu_s: float, within_s: float) -> bool:
        """Return whether so much time has passed since its start, of CPU or by the clock."""
        return self._cpu_s() > cpu_s or time.monotonic() > self._started_s + within_s

    def send(self, content: Mapping[str, object], blob: bytes, *, within_s: float) -> None:
        """Send a message.

        Raises:
            Fault: It cannot be sent.
        """
        try:
            self._line.send(content, blob, within_s=within_s)
        except TimeoutError:
            raise Fault("it did not read its questions") from None
        except LineCut:
            raise Fault(self._death()) from None

    def receive(self, *, cpu_s: float, within_s: float) -> tuple[Content, bytes]:
        """Return the next message.

        Args:
            cpu_s: Time that the process may take, in seconds of CPU.
            within_s: The same by the clock; more, because others use the machine too.

        Raises:
            Fault: It has not come in time, the process ended, or it takes too much memory.
        """
        until_s, most_cpu_s = time.monotonic() + within_s, self._cpu_s() + cpu_s
        try:
            while not self._line.waits(min(_SLICE_S, max(until_s - time.monotonic(), 0))):
                if self._cpu_s() > most_cpu_s or time.monotonic() > until_s:
                    raise Fault(f"it gave no answer within {cpu_s:g} s")
            found = self._line.receive(within_s=max(until_s - time.monotonic(), _SLICE_S))
        except TimeoutError:
            raise Fault("it stopped in the middle of an answer") from None
        except LineCut:
            raise Fault(self._death()) from None
        self._check_memory()
        return found

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
        self._line.close()

    def _cpu_s(self) -> float:
        with suppress(psutil.Error):
            times = psutil.Process(self.pid).cpu_times()
            return float(times.user + times.system)
        return 0.0

    def _check_memory(self) -> None:
        with suppress(psutil.Error):
            taken = psutil.Process(self.pid).memory_info().rss // _MB
            if taken > self._most_mb:
                raise Fault(f"it took {taken} MB of memory, and {self._most_mb} MB are allowed")

    def _death(self) -> str:
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_LAST_WORDS_S)
        code = self._process.returncode
        if code is None:
            return "its process hung up"
        return f"its process {ending_of(code)}"
