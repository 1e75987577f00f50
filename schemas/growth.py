"""When the disk will be full, from how fast tables and topics have grown. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import inf
from typing import Final

from schemas.timeframe import DAY_MS

SOON_DAYS: Final = 7  # somebody must do something
SHORTEST_MS: Final = 3_600_000  # an hour tells what the next days will be like, roughly


@dataclass(frozen=True, slots=True)
class Growth:
    """What a table or a topic takes and gains.

    Attributes:
        name: Of the table or topic.
        size: Bytes now.
        a_day: Bytes that it gains each day.
        days: For how many days it still grows: then as much is removed as is added.
    """

    name: str
    size: int
    a_day: float
    days: float = inf


def growth_of(name: str, size: int, *, covers_ms: int, kept_ms: int | None) -> Growth | None:
    """Return the growth of something from the time that it covers; None while that is too short.

    Args:
        name: Of the table or topic.
        size: Bytes now.
        covers_ms: Time from its oldest to its newest record.
        kept_ms: How long records are kept; None for ever.
    """
    if covers_ms < SHORTEST_MS:
        return None
    days = inf if kept_ms is None else max(0.0, (kept_ms - covers_ms) / DAY_MS)
    return Growth(name, size, size * DAY_MS / covers_ms, days)


def days_until_full(free: int, growths: Iterable[Growth]) -> float:
    """Return after how many days so many free bytes are used up; infinity if never.

    >>> days_until_full(100, [Growth("trades", 0, 10.0, days=5.0), Growth("klines", 0, 5.0)])
    10.0
    """
    growing = sorted(growths, key=lambda one: one.days)
    left, now = float(free), 0.0
    for number, one in enumerate(growing):
        # Summed anew: what is left after subtracting would be a little more or less than nothing.
        a_day = sum(other.a_day for other in growing[number:])
        if a_day <= 0:
            return inf
        used = a_day * (one.days - now)
        if used >= left:
            return now + left / a_day
        left, now = left - used, one.days
    return inf
