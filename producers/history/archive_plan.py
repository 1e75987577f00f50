"""Plan of the archive files that are worth a download; REST covers the rest. Pure."""

from enum import StrEnum
from typing import Final

from producers.binance.archive_names import Archive, month_file
from producers.history.time_ranges import Spans
from schemas.errors import ConfigurationError
from schemas.timeframe import DAY_MS, Interval

WORTH_A_FILE: Final = 10_000  # candles a month; a file then replaces many calls of 1,000 rows


class Choice(StrEnum):
    """The source of past candles."""

    AUTO = "auto"
    REST = "rest"
    ARCHIVE = "archive"


def parse_choice(text: str) -> Choice:
    """Return the choice with this name.

    Raises:
        ConfigurationError: There is none; the message lists the known ones.
    """
    try:
        return Choice(text)
    except ValueError:
        raise ConfigurationError(
            f"unknown source {text!r}: use one of {', '.join(Choice)}"
        ) from None


def files_for(
    symbol: str, interval: Interval, missing: Spans, choice: Choice, *, now_ms: int
) -> list[Archive]:
    """Choose the files to read, oldest first: whole months, and days if a month is not over.

    REST is used for intervals with few candles a month, and where less than half of a file is
    missing, unless only archives are wanted.
    """
    few = 30 * DAY_MS // interval.ms < WORTH_A_FILE
    if choice is Choice.REST or (choice is Choice.AUTO and few):
        return []
    wanted: list[Archive] = []
    for month in _months(symbol, interval, missing):
        if _is_worth(month, missing, choice) and month.close_ms <= now_ms:
            wanted.append(month)
            continue
        days = (day for day in month.by_days() if day.close_ms <= now_ms)
        wanted += [day for day in days if _is_worth(day, missing, choice)]
    return wanted


def days_of(month: Archive, missing: Spans, choice: Choice, *, now_ms: int) -> list[Archive]:
    """Return the daily files worth a download for what a month's file did not bring."""
    days = (day for day in month.by_days() if day.close_ms <= now_ms)
    return [day for day in days if _is_worth(day, missing, choice)]


def _months(symbol: str, interval: Interval, missing: Spans) -> list[Archive]:
    found: dict[str, Archive] = {}
    for start, end in missing:
        at = start
        while at < end:
            month = month_file(symbol, interval, at)
            found[month.name] = month
            at = month.close_ms
    return list(found.values())


def _is_worth(file: Archive, missing: Spans, choice: Choice) -> bool:
    part = missing.within(file.open_ms, file.close_ms).total_ms
    least = 1 if choice is Choice.ARCHIVE else file.days * DAY_MS // 2
    return part >= least
