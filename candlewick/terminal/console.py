"""How commands speak on a terminal: errors in one line, and a quiet end."""

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from candlewick.stack.disk_room import is_full
from schemas.errors import CandlewickError


@contextmanager
def one_line_errors() -> Iterator[None]:
    """End the process with one line for an error that a person can do something about.

    ``CANDLEWICK_LOG_LEVEL=DEBUG`` lets the error through, with its stack trace.
    """
    try:
        yield
    except (CandlewickError, OSError) as error:
        if os.environ.get("CANDLEWICK_LOG_LEVEL") == "DEBUG":
            raise
        sys.stderr.write(f"candlewick: {describe(error)}\n")
        sys.exit(1)


def describe(error: Exception) -> str:
    """Return the error as one line that says what to do, where that is known."""
    if isinstance(error, OSError) and is_full(error):
        return f"the disk is full ({error.filename or 'while writing'}): make room and start again"
    if isinstance(error, OSError) and error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
        return f"no permission to write {error.filename}: change it or CANDLEWICK_DATA_DIR"
    return " ".join(str(error).split())


@contextmanager
def quiet_end() -> Iterator[None]:
    """End without a word on Ctrl-C, or when nobody reads standard output any more."""
    try:
        yield
        sys.stdout.flush()
    except KeyboardInterrupt:
        return
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
