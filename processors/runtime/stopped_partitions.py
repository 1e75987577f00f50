"""Partitions stopped at a record that only a newer version can read; all others continue."""

from typing import Final, Protocol

from clients.watching.log import EventLog
from schemas.errors import ContractMismatch

_log: Final = EventLog(__name__)


class Reader(Protocol):
    """The consumer that reads the partitions."""

    def stand_still(self, topic: str, partition: int, offset: int) -> None:
        """Stop fetching a partition, and commit nothing from this offset on."""

    def move_on(self) -> None:
        """Forget the stopped partitions after a new assignment."""


class Standing:
    """The stopped partitions of this process.

    Each reason is logged once, however often the record is read again.
    """

    def __init__(self) -> None:
        self._reader: Reader | None = None
        self._stopped: set[tuple[str, int]] = set()
        self._told: set[tuple[str, int, int]] = set()

    def read_by(self, reader: Reader) -> None:
        """Set the reader after a new assignment; no partition is stopped any more."""
        self._reader = reader
        self._stopped.clear()
        reader.move_on()

    def holds(self, topic: str, partition: int) -> bool:
        """Return whether a partition is stopped."""
        return (topic, partition) in self._stopped

    def stop(self, topic: str, partition: int, offset: int, why: ContractMismatch) -> None:
        """Stop a partition before an offset."""
        self._stopped.add((topic, partition))
        if self._reader is not None:
            self._reader.stand_still(topic, partition, offset)
        if (topic, partition, offset) not in self._told:
            self._told.add((topic, partition, offset))
            _log.error(
                "partition_stopped",
                "{topic} [{partition}] is stopped at offset {offset}: {reason}",
                topic=topic,
                partition=partition,
                offset=offset,
                reason=why,
            )
