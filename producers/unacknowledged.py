"""What Kafka has not acknowledged yet, and where that has lasted for longest. Pure."""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import NamedTuple


class Place(NamedTuple):
    """Records that are delivered one after the other: those of one topic with one key."""

    topic: str
    key: Hashable


@dataclass(slots=True)
class _Waiting:
    records: int
    since: int  # how many were acknowledged anywhere, when the last one of here was


class Unacknowledged:
    """The records of one producer that are under way.

    Attributes:
        done: Number of records that were acknowledged or refused.
        waiting: Number of records that are under way.
    """

    def __init__(self) -> None:
        self.done = 0
        self.waiting = 0
        self._places: dict[Place, _Waiting] = {}  # the one that has waited for longest first

    def sent(self, topic: str, key: Hashable) -> None:
        """Note a record that was given to the producer."""
        self.waiting += 1
        place = Place(topic, key)
        if place in self._places:
            self._places[place].records += 1
        else:
            self._places[place] = _Waiting(1, self.done)

    def acknowledged(self, topic: str, key: Hashable) -> None:
        """Note a record that was acknowledged or refused."""
        self.done += 1
        self.waiting -= 1
        place = Place(topic, key)
        left = self._places.pop(place).records - 1
        if left:
            self._places[place] = _Waiting(left, self.done)

    def longest(self) -> tuple[Place, int] | None:
        """Return where nothing was acknowledged for longest; None if nothing waits.

        The number beside it is another one as soon as anything of there is acknowledged. It may
        be asked from any thread.
        """
        for place, waiting in tuple(self._places.items())[:1]:
            return place, waiting.since
        return None
