"""How a process ends: asked to, or by itself, because a new one would go on where it cannot.

Whoever supervises it starts it again after `START_ME_AGAIN`, as after any death.
"""

import faulthandler
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Final, NoReturn

from clients.watching.log import EventLog
from clients.watching.metrics import progressed

START_ME_AGAIN: Final = os.EX_TEMPFAIL
GRACE_S: Final = 15.0  # for what was begun, before a process that was asked to end leaves
_LOOK_S: Final = 1.0
# A look that comes so late was held up itself: the whole process stood still (SIGSTOP, a laptop's
# sleep), and what it waits for must have its time again.
_FROZEN_S: Final = 5.0
_log = EventLog(__name__)


def leave(reason: str) -> NoReturn:
    """End the process at once, without what would wait for others; the reason is logged."""
    _log.error("process_leaving", "{reason}: leaving, to be started again", reason=reason)
    logging.shutdown()
    sys.stdout.flush()
    os._exit(START_ME_AGAIN)


def ending_of(exit_code: int) -> str:
    """Return how a process ended, by the code that `subprocess` and `multiprocessing` give it.

    >>> ending_of(-9), ending_of(3)
    ('was ended by SIGKILL', 'ended with 3')
    """
    if exit_code < 0:
        return f"was ended by {signal.Signals(-exit_code).name}"
    return f"ended with {exit_code}"


def when_told_to_end(handler: Callable[[int, FrameType | None], object]) -> None:
    """Have a handler run where somebody ends the process, or the terminal that it was started in.

    Who is to outlive its terminal ignores that (`nohup`), and goes on.
    """
    signal.signal(signal.SIGTERM, handler)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signal.signal(signal.SIGHUP, handler)


class Ending:
    """Notices SIGTERM and SIGINT, also while the main thread waits inside a library.

    The main thread is given `GRACE_S` to see `is_asked` and to end; then the process leaves.
    """

    def __init__(self) -> None:
        self._asked = threading.Event()
        self._read, self._write = socket.socketpair()
        self._write.setblocking(False)  # noqa: FBT003 - the library's own signature

    def watch(self) -> None:
        """Begin; to be called from the main thread."""
        # Python runs a signal's handler in the main thread only, when it is back from C; the byte
        # is written by the C handler itself.
        signal.set_wakeup_fd(self._write.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._asked.set())
        threading.Thread(target=self._wait, name="ending", daemon=True).start()

    def is_asked(self) -> bool:
        """Tell whether the process shall end."""
        return self._asked.is_set()

    def wait(self, seconds: float) -> bool:
        """Wait so long, or until the process shall end; tells whether it shall."""
        return self._asked.wait(seconds)

    def _wait(self) -> None:
        numbers = {signal.SIGTERM.value, signal.SIGINT.value}
        while not numbers.intersection(self._read.recv(16)):
            pass
        self._asked.set()
        time.sleep(GRACE_S)
        leave(f"did not end within {GRACE_S:.0f} s after it was asked to")


class Standstill:
    """Notices that the whole process stood still, which is no fault of what it waits for. Pure."""

    def __init__(self) -> None:
        self._looked_s = 0.0
        self._times = 0

    def look(self, now_s: float) -> int:
        """Look; to be called about once a second or more often, by whomever.

        Args:
            now_s: A monotonic clock's reading, in seconds.

        Returns:
            How often it stood still by now; the first look counts as one.
        """
        if now_s - self._looked_s > _FROZEN_S:
            self._times += 1
        self._looked_s = now_s
        return self._times


class Stall:
    """Tells a process in which no attempt ends any more, though there is input. Pure.

    Args:
        limit_s: For how long that may be, in seconds.
    """

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self._attempts = -1
        self._since_s = 0.0
        self._standstill = Standstill()
        self._stood = 0

    @property
    def since_s(self) -> float:
        """When an attempt was last seen to have ended, or to have had no input."""
        return self._since_s

    def is_there(self, *, attempts: int, input_waits: bool, now_s: float) -> bool:
        """Look; to be called about once a second.

        Args:
            attempts: How many have ended by now, well or in error.
            input_waits: Whether there is something to attempt.
            now_s: A monotonic clock's reading, in seconds.
        """
        stood = self._standstill.look(now_s)
        if attempts != self._attempts or not input_waits or stood != self._stood:
            self._attempts, self._stood, self._since_s = attempts, stood, now_s
        return now_s - self._since_s > self._limit_s


class Progress:
    """Ends the process when it makes no progress: a thread looks at what has been attempted."""

    def __init__(
        self,
        limit_s: float,
        input_waits: Callable[[], bool] = lambda: True,
        *,
        give_up: Callable[[str], None] = leave,
        part: str = "work",
    ) -> None:
        """Set it up.

        Args:
            limit_s: How long no attempt may end while there is input, in seconds. It must be more
                than the longest limit of a call.
            input_waits: Tells whether there is input; asked in the thread, must have a limit.
                A loop that always has something to do, if only to look, needs none.
            give_up: Told why, when it is over.
            part: What it is about, for the metrics.
        """
        self._stall = Stall(limit_s)
        self._limit_s = limit_s
        self._input_waits = input_waits
        self._give_up = give_up
        self._part = part
        self._attempts = 0
        self._stopped = threading.Event()

    def attempted(self) -> None:
        """Take note that an attempt has ended, well or in error."""
        self._attempts += 1

    def watch(self) -> None:
        """Begin to look."""
        threading.Thread(target=self._look, name="progress", daemon=True).start()

    def stop(self) -> None:
        """Look no more: the process is about to end."""
        self._stopped.set()

    def _look(self) -> None:
        while not self._stopped.wait(_LOOK_S):
            waits = self._input_waits()
            now_s = time.monotonic()
            stands = self._stall.is_there(attempts=self._attempts, input_waits=waits, now_s=now_s)
            progressed(self._part, now_s - self._stall.since_s)
            if stands:
                faulthandler.dump_traceback(all_threads=True)  # where it hangs, for the log
                self._give_up(f"no progress for {self._limit_s:.0f} s")
                return
