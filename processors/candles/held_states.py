"""The records of all symbols as they are in memory, and what of them Kafka does not have yet. Pure.

A record is stored at a commit, not with each block: what the table lacks is read again after a
crash, and gives the same candles.
"""

from collections.abc import ItemsView, Iterable
from dataclasses import replace
from typing import NamedTuple, Protocol

from processors.candles.state_record import CandleRecord, dump_record, load_record
from schemas import codecs
from schemas.market import Candle


class Closed(NamedTuple):
    """An encoded candle to send."""

    key: bytes
    interval: str
    value: bytes


class Stored(NamedTuple):
    """The encoded record of a symbol; `partition` is that of its blocks."""

    key: bytes
    value: bytes
    partition: int


class Table(Protocol):
    """The state table: raw bytes by symbol, as they are in Kafka."""

    def get(self, key: bytes) -> bytes | None:
        """Return the record of a symbol, None if it has none."""

    def __setitem__(self, key: bytes, value: bytes) -> None:
        """Take over a record that Kafka has."""

    def items(self) -> ItemsView[bytes, bytes]:
        """Return all records."""


class HeldStates:
    """Records by symbol, those that have changed, and closed candles that are not acknowledged.

    Args:
        table: What is stored.
    """

    def __init__(self, table: Table) -> None:
        self._table = table
        self._records: dict[bytes, CandleRecord] = {}
        self._outboxes: dict[bytes, list[Closed]] = {}
        self._changed: dict[bytes, int] = {}  # symbol: partition of its blocks
        self._owing: dict[bytes, int] = {}  # the same of records stored with an outbox

    def record(self, key: bytes) -> CandleRecord | None:
        """Return a symbol's record, None if it has none. Its outbox is as it was when read.

        Raises:
            ContractMismatch: Only a newer version can read it.
        """
        known = self._records.get(key)
        if known is None and (raw := self._table.get(key)) is not None:
            known = self._records[key] = load_record(raw)
            self._outboxes[key] = [closed_of(key, candle) for candle in known.outbox]
        return known

    def put(self, key: bytes, partition: int, record: CandleRecord, closed: list[Closed]) -> None:
        """Replace a symbol's record, and add candles to its outbox."""
        self._records[key] = record
        self._changed[key] = partition
        if closed:
            self._outboxes.setdefault(key, []).extend(closed)

    def outbox(self, key: bytes) -> list[Closed]:
        """Return the candles of a symbol that are not acknowledged, oldest first."""
        return self._outboxes.get(key, [])

    def acknowledged(self, records: Iterable[tuple[bytes, bytes]]) -> None:
        """Forget candles that Kafka has, by the key and the value of each."""
        for key, value in records:
            outbox = self._outboxes.get(key, [])
            found = next((candle for candle in outbox if candle.value == value), None)
            if found is not None:
                outbox.remove(found)
                if not outbox and key in self._owing:  # else each later start would send it again
                    self._changed.setdefault(key, self._owing[key])

    def symbols(self) -> list[bytes]:
        """Return the symbols in the table."""
        return [key for key, _ in self._table.items()]

    def unstored(self) -> list[Stored]:
        """Return the records that have changed since the last call, with their outboxes."""
        changed, self._changed = self._changed, {}
        return [self._dumped(key, partition) for key, partition in changed.items()]

    def stored(self, records: Iterable[Stored]) -> None:
        """Take note that Kafka has records."""
        for record in records:
            self._table[record.key] = record.value

    def lost(self, records: Iterable[Stored]) -> None:
        """Take note that Kafka does not have records; the next `unstored` returns them again."""
        for record in records:
            self._changed.setdefault(record.key, record.partition)

    def forget(self) -> None:
        """Forget all but the table after a new assignment."""
        self._records.clear()
        self._outboxes.clear()
        self._changed.clear()
        self._owing.clear()

    def _dumped(self, key: bytes, partition: int) -> Stored:
        outbox = tuple(candle.value for candle in self.outbox(key))
        if outbox:
            self._owing[key] = partition
        else:
            self._owing.pop(key, None)
        return Stored(key, dump_record(replace(self._records[key], outbox=outbox)), partition)


def closed_of(key: bytes, value: bytes) -> Closed:
    """Return a candle of an outbox as it was sent."""
    return Closed(key, codecs.decode(Candle, value).interval, value)
