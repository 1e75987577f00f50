"""How long to wait where a server says it: believed, but only so far."""

from datetime import UTC, datetime, timedelta
from typing import Final

HOUR_S: Final = 3_600.0
LONGEST_S: Final = {429: HOUR_S, 418: 72 * HOUR_S}  # 418: banned, for up to three days
FIRST_S: Final = 60.0  # where no time is named


def told_wait_s(status: int, retry_after: str) -> float:
    """Return how long to wait after an answer, from its header ``Retry-After`` in seconds.

    Source: binance-spot-api-docs, rest-api.md, "IP Limits": bans last from 2 minutes to 3 days.
    """
    told_s = float(retry_after) if retry_after.isdecimal() else FIRST_S
    return min(told_s, LONGEST_S.get(status, HOUR_S))


def until(seconds: float, now_ms: int) -> str:
    """Return the moment in so many seconds, for people: ``2026-03-04 12:00:05 UTC``."""
    moment = datetime.fromtimestamp(now_ms / 1000, UTC) + timedelta(seconds=seconds)
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
