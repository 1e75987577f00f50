"""How a process logs: one name an event, one sentence for people, and the fields in it.

Each line has the name of what happened, which never changes; docs/metrics.md lists all of them.
"""

import logging
import math
import time
from typing import Final

_EVENT: Final = "event"
_FIELDS: Final = "fields"
LIBRARY: Final = "library"
TOLD_EVERY_S: Final = 60.0  # libraries try, and fail, every second


class EventLog:
    """The log of one module."""

    def __init__(self, name: str) -> None:
        self._logger = logging.getLogger(name)

    def info(self, event: str, text: str, /, **fields: object) -> str:
        """Tell what happened as planned, and return the sentence.

        Args:
            event: Stable name of what happened, in words with ``_`` between them.
            text: Sentence for people, with the names of fields in braces.
            fields: What belongs to it.
        """
        self._tell(logging.INFO, event, text, fields)
        return text.format(**fields)

    def warning(self, event: str, text: str, /, **fields: object) -> None:
        """Tell what went wrong and mends itself; as `info`."""
        self._tell(logging.WARNING, event, text, fields)

    def error(self, event: str, text: str, /, **fields: object) -> None:
        """Tell what a person must look at; as `info`."""
        self._tell(logging.ERROR, event, text, fields)

    def exception(
        self, event: str, text: str, error: BaseException | None, /, **fields: object
    ) -> None:
        """Tell of an error that nobody expected, with its stack trace; as `info`."""
        self._tell(logging.ERROR, event, text, fields, error)

    def _tell(
        self,
        level: int,
        event: str,
        text: str,
        fields: dict[str, object],
        error: BaseException | None = None,
    ) -> None:
        if self._logger.isEnabledFor(level):
            told = {_EVENT: event, _FIELDS: fields}
            said = text.format(**fields)
            self._logger.log(level, "%s", said, exc_info=error, extra=told, stacklevel=3)


def event_of(record: logging.LogRecord) -> str:
    """Return the name of a line's event: ``library`` for a line that is not ours."""
    return str(getattr(record, _EVENT, LIBRARY))


def fields_of(record: logging.LogRecord) -> dict[str, object]:
    """Return the fields of a line; a library's has none."""
    found: dict[str, object] = getattr(record, _FIELDS, {})
    return found


class Seldom:
    """Says when to tell what lasts: at once, and then once a minute."""

    def __init__(self) -> None:
        self._told_s = -math.inf

    def is_due(self) -> bool:
        """Take note that it lasts, and return whether to tell it now."""
        now_s = time.monotonic()
        is_due = now_s - self._told_s >= TOLD_EVERY_S
        if is_due:
            self._told_s = now_s
        return is_due
