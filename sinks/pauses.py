"""Which partitions the sinks do not read now: they hold enough, or they are stopped."""

from collections.abc import Collection, Iterable, Mapping
from typing import Final

from confluent_kafka import Consumer, TopicPartition

from sinks.batches import Pending

HELD_BYTES: Final = 128 * 1024 * 1024  # is much; a batch of each partition would be a gigabyte
_Place = tuple[str, int]


class Pauses:
    """The pauses of one consumer.

    Attributes:
        full: Partitions that hold enough.
        stopped: Partitions that are stopped because a newer version wrote a record there.
    """

    def __init__(self, consumer: Consumer) -> None:
        """Begin without any."""
        self._consumer = consumer
        self.full: set[_Place] = set()
        self.stopped: set[_Place] = set()

    def stop(self, place: _Place) -> None:
        """Read a partition no more, as long as it is ours."""
        self.stopped.add(place)
        self._consumer.pause([TopicPartition(*place)])

    def hold_back(self, pending: Mapping[_Place, Pending]) -> None:
        """Read on where there is room for more messages, and nowhere else.

        Where all partitions together hold much, those with less than their share are read on: a
        table that cannot be written must not take the room of the others. So all of them hold at
        most twice as much. A partition whose batch is planned and not read to its end is read in
        any case: it can be inserted only then.
        """
        full = {place for place, one in pending.items() if one.full}
        if is_much(pending.values()):
            share = HELD_BYTES / len(pending)
            for place, one in pending.items():
                if one.reaches_plan and one.memory >= share:
                    full.add(place)
        if full - self.full:
            self._consumer.pause(_partitions(full - self.full))
        if free := self.full - full - self.stopped:
            self._consumer.resume(_partitions(free))
        self.full = full

    def read_to(self, pending: Iterable[tuple[_Place, Pending]]) -> dict[_Place, int]:
        """Return the newest offset read of each partition that is not paused."""
        paused = self.full | self.stopped
        return {place: one.read_to for place, one in pending if place not in paused}

    def forget(self, places: Collection[_Place]) -> None:
        """Forget partitions that another process has now."""
        self.full.difference_update(places)
        self.stopped.difference_update(places)


def is_much(pending: Iterable[Pending]) -> bool:
    """Return whether all partitions together hold so much that no batch should wait for more."""
    return sum(one.memory for one in pending) >= HELD_BYTES


def _partitions(places: Iterable[_Place]) -> list[TopicPartition]:
    return [TopicPartition(*place) for place in places]
