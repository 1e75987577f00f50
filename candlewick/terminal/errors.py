"""What a person sees of an error: one line on standard error and exit code 1."""

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
