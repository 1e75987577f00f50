"""One batch into its table, and what cannot be stored into the dead letters."""

import logging
from dataclasses import dataclass
from typing import Protocol

from schemas import topics
from schemas.dead_letters import Origin, plain_headers
from schemas.errors import PoisonMessage
from sinks.batches import Batch
from sinks.tables import Table

READER = "sinks"
_log = logging.getLogger(__name__)


class Store(Protocol):
    """Where rows go; `sinks.clickhouse.ClickHouse` says what is raised."""

    def insert(self, table: Table, rows: bytes, *, token: str) -> None:
        """Insert rows; a second time under the same token changes nothing."""


class Letters(Protocol):
    """Where unreadable messages go."""

    def send(self, raw: bytes, origin: Origin) -> None:
        """Write one dead letter and wait until it is kept."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """The way of one partition's batches.

    Attributes:
        topic_id: Kafka's id of the topic. A topic that was deleted and made again counts its
            offsets from zero; its tokens must not be taken for the old ones.
    """

    table: Table
    topic_id: str
    partition: int
    store: Store
    letters: Letters

    def deliver(self, batch: Batch) -> None:
        """Insert a batch, and dead-letter the messages in it that cannot be read.

        Raises:
            Transient: The store or the broker is away; do it again, nothing happens twice.
            ContractMismatch: The table is not as this version knows it.
            ConfigurationError: A login is refused.
        """
        self._insert(batch)
        for offset, reason in batch.reasons.items():
            self._bury(batch, batch.offsets.index(offset), reason)

    def token(self, batch: Batch) -> str:
        """Return what names the batch for ever."""
        name = self.table.topic.name
        return f"{name}:{self.topic_id}:{self.partition}:{batch.first}-{batch.last}"

    def _insert(self, batch: Batch) -> None:
        if not batch.count:
            return
        try:
            self.store.insert(self.table, b"".join(batch.rows), token=self.token(batch))
        except PoisonMessage as error:
            if len(batch) == 1:
                self._bury(batch, 0, str(error))
                return
            for half in batch.halves():
                self._insert(half)

    def _bury(self, batch: Batch, place: int, reason: str) -> None:
        if self.table.topic is topics.DEAD_LETTERS:  # its letter would be refused as it is
            where = (self.table.topic.name, self.partition, batch.offsets[place])
            _log.error("%s [%d] %d is not stored: %s", *where, reason)
            return
        message = batch.messages[place]
        origin = Origin(
            reason,
            self.table.topic.name,
            self.partition,
            batch.offsets[place],
            reader=READER,
            key=message.key(),
            headers=plain_headers(message.headers()),
        )
        self.letters.send(message.value() or b"", origin)
