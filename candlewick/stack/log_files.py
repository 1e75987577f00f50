"""Log files that child processes append to: rotation, and reading from the end."""

import os
import re
import shutil
from pathlib import Path

KEEP_BYTES = 10_000_000
_BLOCK_BYTES = 1 << 16
_TRACE_LINES = 50
_FRAME = re.compile(r"\s+(at |File \"|\.\.\. \d+ more|\^+$| {2})")  # of Java, of Python


def rotate(log: Path, keep_bytes: int = KEEP_BYTES) -> None:
    """Copy a log of more than `keep_bytes` to ``NAME.log.1`` and empty it; its writer goes on."""
    if log.exists() and log.stat().st_size > keep_bytes:
        shutil.copyfile(log, log.with_name(log.name + ".1"))
        with log.open("r+b") as file:
            file.truncate(0)


def length(log: Path) -> int:
    """Return the bytes of a log, 0 if there is none."""
    return log.stat().st_size if log.exists() else 0


def last_lines(log: Path, count: int, since: int = 0) -> list[str]:
    """Return the last lines of a log, at most `count`.

    Args:
        log: The log.
        count: The number of lines.
        since: Length of the log when what is asked for began; a log that is shorter was emptied.
    """
    found = b""
    try:
        with log.open("rb") as file:
            at = file.seek(0, os.SEEK_END)
            first = since if since <= at else 0
            while at > first and found.count(b"\n") <= count:  # one more: the first may be cut
                size = min(_BLOCK_BYTES, at - first)
                at = file.seek(at - size)
                found = file.read(size) + found
    except FileNotFoundError:
        return []
    lines = found.decode(errors="replace").splitlines()
    return lines[-count:] if count else []


def last_words(log: Path, count: int, since: int = 0) -> list[str]:
    """Return the last lines of a log as `last_lines`, without stack frames and empty lines."""
    newest = last_lines(log, _TRACE_LINES, since)
    return [line.strip() for line in newest if line.strip() and not _FRAME.match(line)][-count:]


class Follower:
    """Reads the lines that are appended to a log from now on."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._position = length(log)

    def new_lines(self) -> list[str]:
        """Return the complete lines since the last call; a truncated log is read from its start."""
        if not self._log.exists():
            return []
        with self._log.open("rb") as file:
            if file.seek(0, 2) < self._position:
                self._position = 0
            file.seek(self._position)
            whole, newline, _ = file.read().rpartition(b"\n")
        self._position += len(whole) + len(newline)
        return whole.decode(errors="replace").splitlines() if newline else []
