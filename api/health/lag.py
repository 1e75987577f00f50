"""The lag of each consumer group, in records and in seconds."""

from collections import defaultdict, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from clients.kafka.group import GroupOffsets, Place, behind, in_use
from schemas import topics

OURS = "candlewick-"
API = "candlewick-api"  # not a real group: the API keeps its own offsets
KEPT_LOOKS: Final = 720  # lags in seconds are known only as far back as this


@dataclass(frozen=True, slots=True)
class Lag:
    """Records of a topic that a group has not processed yet.

    Attributes:
        records: Number of such records.
        seconds: Age of the oldest one in seconds, as far as it was observed.
        standing_s: Longest time that records waited in a partition without progress, in seconds.
        has_moved: Whether the group has made progress since the first look.
    """

    group: str
    topic: str
    records: int
    seconds: float
    standing_s: float
    has_moved: bool


@dataclass(slots=True)
class _Mark:
    """A group's offset in a partition when it last made progress or had nothing to do."""

    offset: int
    since_s: float
    has_moved: bool = False


class Lags:
    """Computes lags by comparing offsets with earlier ones. Pure: inputs and time are passed in."""

    def __init__(self) -> None:
        self._ends: deque[tuple[float, Mapping[Place, int]]] = deque(maxlen=KEPT_LOOKS)
        self._marks: dict[tuple[str, Place], _Mark] = {}

    def look(
        self, committed: Mapping[str, Mapping[Place, int]], ends: Mapping[Place, int], now_s: float
    ) -> list[Lag]:
        """Return the lag of each group in each topic.

        Args:
            committed: Committed offsets of each group.
            ends: End offset of each partition, exclusive.
            now_s: Time of a monotonic clock, in seconds.
        """
        self._ends.append((now_s, ends))
        return [
            lag
            for group, offsets in sorted(committed.items())
            for lag in self._of_group(group, offsets, ends, now_s)
        ]

    def _of_group(
        self, group: str, offsets: Mapping[Place, int], ends: Mapping[Place, int], now_s: float
    ) -> Iterator[Lag]:
        marks: defaultdict[str, list[tuple[float, float, bool]]] = defaultdict(list)
        for place, offset in offsets.items():
            if place in ends:
                waits = ends[place] > offset
                mark = self._mark(group, place, offset, waits=waits, now_s=now_s)
                waited_s = self._since_s(place, offset, now_s) if waits else 0.0
                marks[place[0]].append((waited_s, now_s - mark.since_s, mark.has_moved))
        for topic, records in behind(offsets, ends).items():
            waited, standing, moved = zip(*marks[topic], strict=True)
            yield Lag(group, topic, records, max(waited), max(standing), any(moved))

    def _mark(self, group: str, place: Place, offset: int, *, waits: bool, now_s: float) -> _Mark:
        mark = self._marks.setdefault((group, place), _Mark(offset, now_s))
        if mark.offset != offset:
            mark.offset, mark.since_s, mark.has_moved = offset, now_s, True
        elif not waits:
            mark.since_s = now_s
        return mark

    def _since_s(self, place: Place, offset: int, now_s: float) -> float:
        came_s = next((at_s for at_s, ends in self._ends if ends.get(place, 0) > offset), now_s)
        return now_s - came_s


def read_offsets(
    kafka: GroupOffsets,
) -> tuple[dict[str, dict[Place, int]], dict[Place, int], dict[str, int]]:
    """Return our groups' offsets, the ends of all topics, and the groups' numbers of members.

    Raises:
        Transient: Kafka does not answer.
    """
    ends = kafka.ends(kafka.partitions(topic.name for topic in topics.ALL))
    groups = kafka.groups(OURS)
    members = kafka.members(groups)
    given = {group: [member.places for member in members.get(group, [])] for group in groups}
    committed = {group: in_use(kafka.committed(group), given[group]) for group in groups}
    return committed, ends, {group: len(places) for group, places in given.items()}
