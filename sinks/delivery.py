"""Delivery of batches: rows into their table, unusable messages to the dead-letter topic."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from clients.watching.log import EventLog
from schemas import topics
from schemas.codecs import headers_of
from schemas.dead_letters import Origin, plain_headers
from schemas.errors import PoisonMessage, Transient
from sinks.batches import Batch
from sinks.metrics import stored
from sinks.tables import CandleKey, Table

READER = "sinks"
# Meanwhile nothing is read or stored of the others; and Kafka puts a member out of its group that
# has not polled for 300 s, and all of it comes again.
LONGEST_S = 2.0
CANDLES_AT_ONCE = 500  # named in one statement, which ClickHouse reads up to 256 kB
_log = EventLog(__name__)


class Store(Protocol):
    """The store for rows; raises as `sinks.clickhouse.ClickHouse` does."""

    def insert(self, table: Table, rows: bytes, *, token: str) -> None:
        """Insert rows; repeating it with the same token changes nothing."""

    def keep_revisions(self, table: Table, candles: Sequence[CandleKey]) -> None:
        """Copy the rows of some candles before later ones replace them; repeating it is harmless.

        Args:
            table: Where they are.
            candles: At most `CANDLES_AT_ONCE`.
        """


class Letters(Protocol):
    """The receiver of unusable messages."""

    def send(self, raw: bytes, origin: Origin) -> None:
        """Write one dead letter and wait until Kafka has stored it."""


class Turn:
    """The time that a part of a delivery has, until Kafka has to be polled."""

    def __init__(self) -> None:
        """Begin now."""
        self._ends_s = time.monotonic() + LONGEST_S

    def check(self, what: str) -> None:
        """Check that it is not over.

        Raises:
            Transient: It is.
        """
        if time.monotonic() >= self._ends_s:
            reason = f"{what} take over {LONGEST_S:g} s: the rest comes next"
            raise Transient(reason, retry_after_s=0)


@dataclass(frozen=True, slots=True)
class Delivery:
    """The delivery of one partition's batches.

    Attributes:
        topic_id: Kafka's id of the topic. A recreated topic counts its offsets from zero again;
            its tokens must differ from the old ones.
    """

    table: Table
    topic_id: str
    partition: int
    store: Store
    letters: Letters

    def deliver(self, batch: Batch) -> None:
        """Insert a batch, and send its unreadable messages to the dead-letter topic.

        Raises:
            Transient: The store or the broker is unreachable, or it takes long; a repetition stores
                nothing twice, and goes on where this one ended.
            ContractMismatch: The table differs from what this version expects.
            ConfigurationError: A login is refused.
        """
        if not batch.is_inserted:
            began_s, turn = time.monotonic(), Turn()
            self._keep_revisions(batch, turn)
            self._insert(batch, turn)
            # Kafka may not take a letter for hours, and ClickHouse forgets a token sooner.
            batch.is_inserted = True
            stored(self.table, batch, time.monotonic() - began_s)
        turn = Turn()
        for offset, reason in sorted(batch.reasons.items()):
            self._bury(batch, batch.place_after(offset) - 1, reason)
            del batch.reasons[offset]  # else a later letter that fails would send it again
            turn.check("dead letters of one batch")

    def token(self, batch: Batch) -> str:
        """Return the deduplication token of a batch, unique for all time."""
        name = self.table.topic.name
        return f"{name}:{self.topic_id}:{self.partition}:{batch.first}-{batch.last}"

    def _keep_revisions(self, batch: Batch, turn: Turn) -> None:
        if batch.unkept is None:
            batch.unkept = [*dict.fromkeys(batch.replaced.values())]
        while candles := batch.unkept[-CANDLES_AT_ONCE:]:
            self.store.keep_revisions(self.table, candles)
            del batch.unkept[-CANDLES_AT_ONCE:]
            if batch.unkept:
                turn.check("earlier revisions of one batch")

    def _insert(self, batch: Batch, turn: Turn) -> None:
        """Insert rows, and note why ClickHouse refuses those of a message.

        What it refuses is halved until the message is found. After a stop it goes on with what is
        left: the halves before are in, and their tokens may be forgotten.
        """
        if batch.parts is None:
            batch.parts = [batch]
        while batch.parts:
            part = batch.parts[-1]
            smaller: list[Batch] = []
            if part.count:
                try:
                    self.store.insert(self.table, b"".join(part.rows), token=self.token(part))
                except PoisonMessage as error:
                    if len(part) == 1:
                        batch.reasons[part.first] = str(error)
                    else:
                        smaller = [*reversed(part.halves())]
            batch.parts[-1:] = smaller
            if batch.parts:
                turn.check("halves of a batch that ClickHouse refused")

    def _bury(self, batch: Batch, place: int, reason: str) -> None:
        if self.table.topic is topics.DEAD_LETTERS:  # a letter about it would be refused too
            _log.error(
                "dead_letter_not_stored",
                "{topic} [{partition}] {offset} is not stored: {reason}",
                topic=self.table.topic.name,
                partition=self.partition,
                offset=batch.offsets[place],
                reason=reason,
            )
            return
        message = batch.messages[place]
        origin = Origin(
            reason,
            self.table.topic.name,
            self.partition,
            batch.offsets[place],
            reader=READER,
            key=message.key(),
            headers=plain_headers(headers_of(message)),
        )
        self.letters.send(message.value() or b"", origin)
