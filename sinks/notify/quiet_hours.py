"""Quiet hours: times of the day, in a time zone, in which only urgent messages are sent. Pure."""

from datetime import UTC, datetime, time
from typing import Annotated, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from sinks.notify.rules.rule import Strict


def _time(value: object) -> object:
    try:
        found = time.fromisoformat(str(value))
    except ValueError:
        raise ValueError('write a time of the day such as "22:00"') from None
    if found.tzinfo is not None:
        raise ValueError("write the time without a zone, and the zone at zone:")
    return found


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("write a time zone such as Europe/Berlin, or UTC") from None
    return name


TimeOfDay = Annotated[time, BeforeValidator(_time)]


class QuietHours(Strict):
    """Quiet hours, ``[from, to)`` on the clock of a time zone; they may pass midnight."""

    begin: TimeOfDay = Field(alias="from")
    end: TimeOfDay = Field(alias="to")
    zone: Annotated[str, AfterValidator(_zone)]

    @model_validator(mode="after")
    def _has_a_length(self) -> Self:
        if self.begin == self.end:
            raise ValueError("from and to are the same time: write two different times")
        return self

    def contains(self, at_ms: int) -> bool:
        """Tell whether a time is in the quiet hours."""
        clock = self._local(at_ms).time()
        if self.begin < self.end:
            return self.begin <= clock < self.end
        return clock >= self.begin or clock < self.end

    def __str__(self) -> str:
        return f"{self.begin:%H:%M} to {self.end:%H:%M} {self.zone}"

    def _local(self, at_ms: int) -> datetime:
        return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(ZoneInfo(self.zone))
