"""Notices a worker that owns partitions with records to read and reads none of them. Pure.

Faust's table recovery can hang for ever, and its consumer can stop fetching; a new process always
reads on.
"""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

PlaceT = TypeVar("PlaceT", bound=Hashable)


@dataclass(frozen=True, slots=True)
class _Seen:
    offset: int | None  # newest offset taken, None before the first
    end: int  # first end offset looked at while `offset` stayed
    since_s: float


class Watchdog(Generic[PlaceT]):
    """Compares what was taken with what there is, partition by partition.

    Args:
        patience_s: How long a partition with records to read may stand still, in seconds.
    """

    def __init__(self, *, patience_s: float) -> None:
        self._patience_s = patience_s
        self._seen: dict[PlaceT, _Seen] = {}

    def stuck(
        self, ends: Mapping[PlaceT, int], taken: Mapping[PlaceT, int], *, now_s: float
    ) -> list[PlaceT]:
        """Return the partitions that stand still although there is more to read.

        Args:
            ends: End offset (exclusive) of each partition that this worker owns.
            taken: Newest offset taken from each partition, absent before the first.
            now_s: A monotonic clock's reading, in seconds.
        """
        self._seen = {p: self._look(p, end, taken.get(p), now_s) for p, end in ends.items()}
        return [p for p, end in ends.items() if self._stands_still(p, end, now_s)]

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
