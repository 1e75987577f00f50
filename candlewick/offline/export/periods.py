"""The time that a file holds, a month or a day of UTC, and the range that a command names. Pure."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import Enum, auto
from typing import Final

from schemas.errors import ConfigurationError
from schemas.since import since_ms

_MONTH: Final = re.compile(r"[0-9]{4}-[0-9]{2}")


class Grain(Enum):
    """How much time a file holds."""

    MONTH = auto()
    DAY = auto()


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """A month or a day of UTC, from its first day up to ``end``, exclusive."""

    start: date
    end: date

    @property
    def month(self) -> str:
        """The month it lies in, for example 2022-01."""
        return f"{self.start:%Y-%m}"

    @property
    def file_name(self) -> str:
        """Name of its file: the day, or ``part`` where the file has the month for itself."""
        return "part" if self.end - self.start > timedelta(days=1) else self.start.isoformat()

    @property
    def text(self) -> str:
        """The period for people: 2022-01 or 2022-01-05."""
        return self.month if self.file_name == "part" else self.file_name

    @property
    def start_ms(self) -> int:
        """Its begin in UTC epoch milliseconds."""
        return _ms(self.start)

    @property
    def end_ms(self) -> int:
        """Its end, exclusive."""
        return _ms(self.end)


@dataclass(frozen=True, slots=True)
class Range:
    """Periods that touch ``[start_ms, end_ms)`` are exported, whole."""

    start_ms: int
    end_ms: int

    def touches(self, period: Period) -> bool:
        """Return whether a period has a moment in common with the range."""
        return period.start_ms < self.end_ms and self.start_ms < period.end_ms


def period_of(start: date, grain: Grain) -> Period:
    """Return the period that begins on this day.

    >>> period_of(date(2022, 12, 1), Grain.MONTH).end
    datetime.date(2023, 1, 1)
    """
    if grain is Grain.DAY:
        return Period(start, start + timedelta(days=1))
    return Period(start, (start.replace(day=1) + timedelta(days=32)).replace(day=1))


def parse_range(start: str | None, end: str | None, *, now_ms: int) -> Range:
    """Parse the range of a command; each end may be 2022-01, 2022-01-05 or 30d.

    >>> parse_range("2022-01", "2022-03", now_ms=0).end_ms
    1646092800000

    Raises:
        ConfigurationError: It is no time, or the end is not after the start.
    """
    start_ms = 0 if start is None else _moment(start, now_ms)
    end_ms = now_ms + 1 if end is None else _moment(end, now_ms)
    if end_ms <= start_ms:
        named = "now" if end is None else f"--to {end}"
        raise ConfigurationError(f"{named} is not after --from {start}")
    return Range(start_ms, end_ms)


def _moment(text: str, now_ms: int) -> int:
    return since_ms(f"{text}-01" if _MONTH.fullmatch(text) else text, now_ms=now_ms)


def _ms(day: date) -> int:
    return round(datetime.combine(day, time(), UTC).timestamp() * 1000)
