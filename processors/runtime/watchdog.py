"""Detects a worker that has records to read in its partitions and reads none of them. Pure.

Faust's table recovery can hang for ever, and its consumer can stop fetching. Restarting the process
cures both.
"""

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

    Args:
        patience_s: How long a partition with unread records may make no progress, in seconds.
    """

    def __init__(self, *, patience_s: float) -> None:
        self._patience_s = patience_s
        self._seen: dict[PlaceT, _Seen] = {}

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
        return [p for p, end in ends.items() if self._stands_still(p, end, now_s)]

    def longest_s(self, now_s: float) -> float:
        """Return for how long a partition has had unread records and made no progress, at most."""
        return max((now_s - seen.since_s for seen in self._seen.values()), default=0.0)

    def _look(self, partition: PlaceT, end: int, offset: int | None, now_s: float) -> _Seen:
        seen = self._seen.get(partition)
        if seen is None or seen.offset != offset:
            return _Seen(offset, end, now_s)
        caught_up = offset is not None and offset + 1 >= end
        return _Seen(offset, end, now_s) if caught_up else seen

    def _stands_still(self, partition: PlaceT, end: int, now_s: float) -> bool:
        seen = self._seen[partition]
        more = end > seen.end if seen.offset is None else end > seen.offset + 1
        return more and now_s - seen.since_s > self._patience_s
