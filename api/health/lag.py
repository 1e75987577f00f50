"""How far each consumer group is behind: in records, and since when."""

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from clients.kafka.group import GroupOffsets, Place, behind
from schemas import topics

OURS = "candlewick-"
API = "candlewick-api"  # in no group: it keeps its own place
KEPT_LOOKS: Final = 720  # how long ago is not known further back


@dataclass(frozen=True, slots=True)
class Lag:
    """What a group has not worked on yet in a topic.

    Attributes:
        records: How many.
        seconds: How long ago the oldest of them came, as far as it was seen.
        standing_s: For how long some have waited in a partition that did not move on.
        has_moved: Whether the group has moved on there since the looking began.
    """

    group: str
    topic: str
    records: int
    seconds: float
    standing_s: float
    has_moved: bool


@dataclass(slots=True)
class _Mark:
    """Where a group was in a partition when it last moved, or had nothing to do."""

    offset: int
    since_s: float
    has_moved: bool = False


class Lags:
    """Compares one look with those before. Pure: it is told what was seen, and when."""

    def __init__(self) -> None:
        self._ends: deque[tuple[float, Mapping[Place, int]]] = deque(maxlen=KEPT_LOOKS)
        self._marks: dict[tuple[str, Place], _Mark] = {}

    def look(
        self, committed: Mapping[str, Mapping[Place, int]], ends: Mapping[Place, int], now_s: float
    ) -> list[Lag]:
        """Return how far each group is behind.

        Args:
            committed: Offsets of each group.
            ends: Offsets after the newest records.
            now_s: Monotonic seconds.
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
    """Return offsets and number of members of each of our groups, and the ends of all topics.

    Raises:
        Transient: Kafka does not answer.
    """
    ends = kafka.ends(kafka.partitions(topic.name for topic in topics.ALL))
    groups = kafka.groups(OURS)
    members = kafka.members(groups)
    given = {group: [member.places for member in members.get(group, [])] for group in groups}
    committed = {group: _in_use(kafka.committed(group), given[group]) for group in groups}
    return committed, ends, {group: len(places) for group, places in given.items()}


def _in_use(offsets: dict[Place, int], given: Iterable[frozenset[Place]]) -> dict[Place, int]:
    """Leave out topics that a group has read once, and that none of its members reads now."""
    read = {topic for places in given for topic, _ in places}
    return {place: at for place, at in offsets.items() if not read or place[0] in read}
