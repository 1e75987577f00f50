"""How a line of the log looks, in text or as JSON, and where it goes: to standard error."""

import json
import logging
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from clients.watching.log import event_of, fields_of
from clients.watching.metrics import LOG_EVENTS
from schemas.settings import Settings

TEXT: Final = "%(asctime)s %(levelname)s %(name)s: %(message)s"
# They tell of every request or attempt; what matters comes as an error of a call. urllib3 would
# also show addresses with their parameters.
_QUIET: Final = ("httpx", "httpcore", "websockets", "picows", "aiokafka", "urllib3")
_AGAIN_S: Final = 10.0
_MOST_KINDS: Final = 1_000


def start_logging(settings: Settings, process: str) -> None:
    """Send every line of this process, ours and its libraries', to standard error in one form."""
    handler = logging.StreamHandler(sys.stderr)
    is_json = settings.log_format == "json"
    handler.setFormatter(JsonLines(process) if is_json else logging.Formatter(TEXT))
    handler.addFilter(_count)
    handler.addFilter(Seldom())
    logging.root.handlers = [handler]
    logging.root.setLevel(settings.log_level)
    logging.captureWarnings(capture=True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


class Seldom(logging.Filter):
    """Lets a line of a library that repeats itself through once in a while, with how often it came.

    Libraries try again many times a second and tell of each attempt: an hour without Kafka would be
    a log of a hundred megabytes.
    """

    def __init__(self, clock_s: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock_s = clock_s
        self._told: dict[tuple[str, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether to write a line; add to it how many like it were left out before."""
        if record.name.partition(".")[0] not in _QUIET:
            return True
        kind, now_s = (record.name, str(record.msg)), self._clock_s()
        told_s, left_out = self._told.get(kind, (now_s - _AGAIN_S, 0))
        if now_s - told_s < _AGAIN_S:
            self._told[kind] = told_s, left_out + 1
            return False
        if len(self._told) >= _MOST_KINDS:  # a library whose lines are all different
            self._told.clear()
        self._told[kind] = now_s, 0
        if left_out:
            record.msg = f"{record.msg} ({left_out} times more before)"
        return True


class JsonLines(logging.Formatter):
    """Writes each line as one object: time, level, process, event, message, logger, fields.

    A field that has the name of one of these has ``_`` after it.
    """

    def __init__(self, process: str) -> None:
        super().__init__()
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        at = datetime.fromtimestamp(record.created, UTC)
        line: dict[str, object] = {
            "time": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "process": self._process,
            "event": event_of(record),
            "message": record.getMessage(),
            "logger": record.name,
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        for name, value in fields_of(record).items():
            line[f"{name}_" if name in line else name] = value
        return json.dumps(line, default=str, ensure_ascii=False)


def _count(record: logging.LogRecord) -> bool:
    LOG_EVENTS.labels(event_of(record), record.levelname.lower()).inc()
    return True
