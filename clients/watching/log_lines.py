"""How a line of the log looks, in text or as JSON, and where it goes: to standard error."""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Final

from clients.watching.log import event_of, fields_of
from clients.watching.metrics import LOG_EVENTS
from schemas.settings import Settings

TEXT: Final = "%(asctime)s %(levelname)s %(name)s: %(message)s"
# They tell of every request or attempt; what matters comes as an error of a call. urllib3 would
# also show addresses with their parameters.
_QUIET: Final = ("httpx", "httpcore", "websockets", "picows", "aiokafka", "urllib3")


def start_logging(settings: Settings, process: str) -> None:
    """Send every line of this process, ours and its libraries', to standard error in one form."""
    handler = logging.StreamHandler(sys.stderr)
    is_json = settings.log_format == "json"
    handler.setFormatter(JsonLines(process) if is_json else logging.Formatter(TEXT))
    handler.addFilter(_count)
    logging.root.handlers = [handler]
    logging.root.setLevel(settings.log_level)
    logging.captureWarnings(capture=True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


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
