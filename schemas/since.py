"""Parser of start times such as ``30d`` or ``2017-08-01``. Pure."""

import re
from datetime import UTC, datetime

from schemas.errors import ConfigurationError
from schemas.rules.checks import EARLIEST_MS
from schemas.timeframe import DAY_MS


def since_ms(text: str, *, now_ms: int) -> int:
    """Parse ``30d`` (days back), a date, or a date and time (UTC unless it names an offset).

    What is before the first market, such as ``9999d`` for everything, is its beginning.

    Raises:
        ConfigurationError: The text is none of these.
    """
    if re.fullmatch(r"[0-9]{1,5}d", text):
        return max(now_ms - int(text[:-1]) * DAY_MS, EARLIEST_MS)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigurationError(
            f"{text!r} is not a time: write 2017-08-01, 2017-08-01T12:00, or 30d for 30 days back"
        ) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(round(moment.timestamp() * 1000), EARLIEST_MS)
