"""Error output of commands: one line an error, and none after Ctrl-C or a closed pipe."""

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from candlewick.stack.disk_room import forbidden_place, is_full, is_of
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
    if isinstance(error, OSError) and (place := forbidden_place(error)):
        return _advice(place, is_read_only=error.errno == errno.EROFS)
    return " ".join(str(error).split())


def _advice(place: Path, *, is_read_only: bool) -> str:
    """Say what is not permitted, and what would help there: the error itself tells neither."""
    asked = place if os.path.lexists(place) else place.parent
    if not is_read_only and (not os.access(asked, os.R_OK) or os.access(asked, os.W_OK)):
        return f"no permission for {place}: allow it, or call this as the user to whom it belongs"
    other = ", or set CANDLEWICK_DATA_DIR" if _is_data(place) else ""
    return f"no permission to write {place}: allow it{other}"


def _is_data(place: Path) -> bool:
    # Only here: this module is in processes that need no settings.
    from candlewick.stack.local_settings import stack_folder  # noqa: PLC0415
    from schemas.settings import load_settings  # noqa: PLC0415

    try:
        return is_of(place, stack_folder(load_settings()).root)
    except (CandlewickError, OSError):  # a wrong setting, or a `.env` that may not be read
        return False


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
