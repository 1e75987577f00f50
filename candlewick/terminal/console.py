"""Error output of commands: one line an error, and none after Ctrl-C or a closed pipe."""

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from candlewick.stack.disk_room import is_full
from candlewick.terminal.exit_codes import INTERRUPTED, WRONG
from schemas.errors import CandlewickError


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Print an error that the user can act on as one line, and exit with code 1.

    With ``CANDLEWICK_LOG_LEVEL=DEBUG`` the error is raised, with its stack trace.
    """
    try:
        yield
    except (CandlewickError, OSError) as error:
        if os.environ.get("CANDLEWICK_LOG_LEVEL") == "DEBUG":
            raise
        sys.stderr.write(f"candlewick: {describe(error)}\n")
        sys.exit(WRONG)


def describe(error: Exception) -> str:
    """Return an error as one line, with the remedy if it is known."""
    if isinstance(error, OSError) and is_full(error):
        return f"the disk is full ({error.filename or 'while writing'}): make room and start again"
    if isinstance(error, OSError) and error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
        return f"no permission to write {error.filename}: allow it, or set CANDLEWICK_DATA_DIR"
    return " ".join(str(error).split())


@contextmanager
def quiet_end() -> Iterator[None]:
    """End silently when the reader of standard output has closed it, or on Ctrl-C.

    What Ctrl-C cut short says so by its exit code.
    """
    try:
        yield
        sys.stdout.flush()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
