"""How the supervisor speaks: in sentences to people, or in its log where that is JSON."""

import errno
import os
import sys
from collections.abc import Callable
from typing import Final

from clients.watching.log_lines import start_logging
from schemas.settings import Settings

NAME = "supervisor"
# Nobody reads standard output any more: what is left in its buffer would make the exit code 120.
_GONE: Final = {errno.EPIPE, errno.EIO}


def voice(settings: Settings, say: Callable[[str], None]) -> Callable[[str], None]:
    """Return what is called with each line for people; nothing where the log is JSON.

    The log has the same lines as events then, on standard error, and nothing else is written.
    """
    if settings.log_format != "json":
        return _unheard_too(say)
    start_logging(settings, NAME)
    return lambda _: None


def _unheard_too(say: Callable[[str], None]) -> Callable[[str], None]:
    """Return what is called with each line, though it may not be heard.

    The terminal may be gone, the reader of a pipe have ended, the disk be full: no reason to end.
    """

    def said(line: str) -> None:
        try:
            say(line)
        except OSError as error:
            if error.errno in _GONE:
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

    return said
