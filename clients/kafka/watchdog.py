"""Detects partitions that have records to read and of which none is read. Pure."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

PlaceT = TypeVar("PlaceT", bound=Hashable)


@dataclass(frozen=True, slots=True)
class _Seen:
    offset: int | None  # newest offset processed, None before the first
    end: int  # first end offset observed since `offset` last changed
    since_s: float


class Watchdog(Generic[PlaceT]):
    """Compares the offset that was processed with the end offset, partition by partition.

    Attributes:
        longest_s: For how long a partition with unread records made no progress at the last look.

    Args:
        patience_s: How long a partition with unread records may make no progress, in seconds.
    """

    def __init__(self, *, patience_s: float) -> None:
        self._patience_s = patience_s
        self.longest_s = 0.0
        self._seen: dict[PlaceT, _Seen] = {}

    def forget(self) -> None:
        """Begin anew."""
        self._seen.clear()

    def stuck(
        self, ends: Mapping[PlaceT, int], taken: Mapping[PlaceT, int], *, now_s: float
    ) -> list[PlaceT]:
        """Return the partitions that make no progress although they have unread records.

        Args:
            ends: End offset (exclusive) of each partition that this worker owns.
            taken: Newest offset processed in each partition, absent before the first.
            now_s: Time of a monotonic clock, in seconds.
        """
        self._seen = {p: self._look(p, end, taken.get(p), now_s) for p, end in ends.items()}
        waited_s = {
            p: now_s - self._seen[p].since_s for p, end in ends.items() if self._more(p, end)
        }
        self.longest_s = max(waited_s.values(), default=0.0)
        return [p for p, waits_s in waited_s.items() if waits_s > self._patience_s]

    def _look(self, partition: PlaceT, end: int, offset: int | None, now_s: float) -> _Seen:
        seen = self._seen.get(partition)
        if seen is None or seen.offset != offset:
            return _Seen(offset, end, now_s)
        caught_up = end <= seen.end if offset is None else offset + 1 >= end
        return _Seen(offset, end, now_s) if caught_up else seen

    def _more(self, partition: PlaceT, end: int) -> bool:
        """Tell whether a partition has unread records."""
        seen = self._seen[partition]
        return end > seen.end if seen.offset is None else end > seen.offset + 1
