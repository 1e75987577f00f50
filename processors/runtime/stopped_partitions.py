"""Partitions that stand still because a newer version wrote a record there; all others go on."""

import logging
from typing import Final, Protocol

from schemas.errors import ContractMismatch

log: Final = logging.getLogger(__name__)


class Reader(Protocol):
    """Reads the partitions."""

    def stand_still(self, topic: str, partition: int, offset: int) -> None:
        """Fetch no more of a partition, and commit nothing from an offset on."""

    def move_on(self) -> None:
        """Forget what stood still: partitions were assigned anew."""


class Standing:
    """Knows which partitions of this process stand still.

    Each reason is told once in the log, however often the record is read again.
    """

    def __init__(self) -> None:
        self._reader: Reader | None = None
        self._stopped: set[tuple[str, int]] = set()
        self._told: set[tuple[str, int, int]] = set()

    def read_by(self, reader: Reader) -> None:
        """Say who reads; partitions were assigned anew."""
        self._reader = reader
        self._stopped.clear()
        reader.move_on()

    def holds(self, topic: str, partition: int) -> bool:
        """Tell whether a partition stands still."""
        return (topic, partition) in self._stopped

    def stop(self, topic: str, partition: int, offset: int, why: ContractMismatch) -> None:
        """Let a partition stand still before an offset."""
        self._stopped.add((topic, partition))
        if self._reader is not None:
            self._reader.stand_still(topic, partition, offset)
        if (topic, partition, offset) not in self._told:
            self._told.add((topic, partition, offset))
            log.error("%s [%d] stands still at offset %d: %s", topic, partition, offset, why)
