"""Progress of an evaluation on standard error, with the time left."""

import sys
import time
from collections.abc import Callable
from typing import TextIO

_REDRAW_S = 0.5
_LINE_S = 30.0  # where nothing can be overwritten, for example in a log
_CLEAR = "\r\x1b[K"
_FEWEST_S = 2.0  # before this there is no telling


class ProgressLine:
    """One line that is rewritten on a terminal; elsewhere a line every half minute."""

    def __init__(
        self, out: TextIO | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._out = out or sys.stderr
        self._clock = clock
        self._overwrites = self._out.isatty()
        self._start_s = self._last_s = clock()

    def show(self, done: int, total: int) -> None:
        """Show that so many candles out of all are done."""
        now_s = self._clock()
        if now_s - self._last_s < (_REDRAW_S if self._overwrites else _LINE_S):
            return
        self._last_s = now_s
        line = progress_told(done, total, now_s - self._start_s)
        self._out.write(f"{_CLEAR}{line}" if self._overwrites else f"{line}\n")
        self._out.flush()

    def close(self) -> None:
        """Remove the line from a terminal."""
        if self._overwrites:
            self._out.write(_CLEAR)
            self._out.flush()


def progress_told(done: int, total: int, spent_s: float) -> str:
    """Return the progress in words.

    >>> progress_told(250_000, 1_000_000, 60.0)
    '250,000 of 1,000,000 candles (25 %), 3 min 0 s left'
    """
    line = f"{done:,} of {total:,} candles ({100 * done / max(total, 1):.0f} %)"
    if not done or spent_s < _FEWEST_S:
        return line
    minutes, seconds = divmod(round(spent_s * (total - done) / done), 60)
    return f"{line}, {minutes} min {seconds} s left"
