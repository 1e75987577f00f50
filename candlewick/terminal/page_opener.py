"""Opens the page in the browser of this machine, once it answers; without one, a line says so."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from typing import Final

from candlewick.terminal.beside import Beside

_ASK_EVERY_S: Final = 0.5
_PATIENCE_S: Final = 0.1
# In a process of its own: a browser may block, write to the terminal, and outlive Ctrl-C.
_OPEN: Final = "import sys, webbrowser; sys.exit(not webbrowser.open(sys.argv[1]))"


class PageOpener:
    """Opens one address once, as soon as it answers."""

    def __init__(self, url: str, answers: Callable[[], bool], say: Callable[[str], None]) -> None:
        self._url, self._say = url, say
        self._asking = Beside("page", answers)
        self._due = 0.0
        self._opening: subprocess.Popen[bytes] | None = None
        self.is_done = False

    def step(self) -> None:
        """Ask, open or look what came of it; return soon."""
        if self.is_done or (self._opening is None and time.monotonic() < self._due):
            return
        if self._opening is not None:
            self._look(self._opening)
        elif not can_show_pages(os.environ):
            self._end("there is no browser on this machine")
        elif self._asking.answer(_PATIENCE_S):
            self._opening = subprocess.Popen(
                [sys.executable, "-P", "-c", _OPEN, self._url],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        self._due = time.monotonic() + _ASK_EVERY_S

    def _look(self, opening: subprocess.Popen[bytes]) -> None:
        code = opening.poll()
        if code == 0:
            self.is_done = True
        elif code is not None:
            self._end("no browser could be opened")

    def _end(self, why: str) -> None:
        self.is_done = True
        self._say(f"{why}: the page is {self._url}")


def can_show_pages(environment: Mapping[str, str]) -> bool:
    """Return whether a browser has where to show a page; one in this terminal would cover it."""
    shows = ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY")
    return sys.platform != "linux" or any(environment.get(name) for name in shows)
