"""How the supervisor speaks: in sentences to people, or in its log where that is JSON."""

from collections.abc import Callable

from clients.watching.log_lines import start_logging
from schemas.settings import Settings

NAME = "supervisor"


def voice(settings: Settings, say: Callable[[str], None]) -> Callable[[str], None]:
    """Return what is called with each line for people; nothing where the log is JSON.

    The log has the same lines as events then, on standard error, and nothing else is written.
    """
    if settings.log_format != "json":
        return say
    start_logging(settings, NAME)
    return lambda _: None
