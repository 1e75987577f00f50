"""The candle worker: decodes each message, takes one pure step, stores the state, sends candles.

The state is stored first, with the closed candles in its outbox, then the candles are sent. After a
crash in between they are sent again; the opposite order could lose them.
"""

import logging
import time
from collections.abc import Awaitable, Callable, ItemsView
from typing import Protocol

from processors.candles.admission import admit
from processors.candles.block_messages import Message, kept_of, message_of
from processors.candles.id_jumps import Kept, is_ahead
from processors.candles.reconcile import Healer, Verdict
from processors.candles.reducer import open_candles
from processors.candles.state import CandleRules
from processors.candles.state_record import CandleRecord, dump_record, load_record
from processors.runtime.stopped_partitions import Standing
from schemas import codecs, topics
from schemas.dead_letters import Origin, plain_headers
from schemas.errors import ContractMismatch, PoisonMessage
from schemas.market import TradeBlock
from schemas.timeframe import Interval

log = logging.getLogger(__name__)


class Table(Protocol):
    """The state table: raw bytes by symbol."""

    def get(self, key: bytes) -> bytes | None:
        """Return the record of a symbol, None if it has none."""

    def __setitem__(self, key: bytes, value: bytes) -> None:
        """Store the record of a symbol."""

    def items(self) -> ItemsView[bytes, bytes]:
        """Return all records."""


class Outlet(Protocol):
    """Destination of the results; each method returns once the record is queued."""

    async def closed(self, key: bytes, candle: bytes, acknowledged: Callable[[], None]) -> None:
        """Send a closed candle and call ``acknowledged`` when the broker has it."""

    async def live(self, key: bytes, candle: bytes) -> None:
        """Send an open candle."""

    async def dead_letter(self, raw: bytes, origin: Origin) -> None:
        """Send an unreadable message to the dead letters."""


class CandleWorker:
    """Builds candles for the symbols in the partitions that this process owns."""

    def __init__(
        self,
        table: Table,
        outlet: Outlet,
        rules: CandleRules,
        read_again: Callable[[int, int], Awaitable[int | None]],
        standing: Standing,
    ) -> None:
        """Create a worker without any state of its own.

        Args:
            table: The state of each symbol.
            outlet: Destination of the results.
            rules: Intervals and allowed lateness.
            read_again: Continues reading a partition at an offset, or at the oldest one that Kafka
                still has, and returns the latter; None if Kafka does not answer.
            standing: Partitions that are stopped.
        """
        self._table = table
        self._outlet = outlet
        self._rules = rules
        self._read_again = read_again
        self._standing = standing
        self._healer = Healer()
        self._records: dict[bytes, tuple[bytes, CandleRecord]] = {}
        self._acknowledged: set[tuple[bytes, bytes]] = set()
        self._moved: set[bytes] = set()
        self.taken: dict[int, int] = {}  # partition: newest offset

    async def take(self, message: Message) -> None:
        """Fold one message into the candles of its symbol.

        A message that cannot be read or folded becomes a dead letter. A record or a state that only
        a newer version can read stops its partition.
        """
        if self._standing.holds(message.topic, message.partition):
            return
        self.taken[message.partition] = message.offset
        self._healer.saw(message.partition, message.offset)
        try:
            kept = kept_of(message)
            record = self._record(kept.key)
        except PoisonMessage as error:
            await self._bury(message, str(error))
        except ContractMismatch as mismatch:
            self._standing.stop(message.topic, message.partition, message.offset, mismatch)
        else:
            if await self._may_fold(message, kept.block, record):
                await self._fold(message, kept, record)

    async def send_live(self) -> None:
        """Send the open candles of the symbols that changed since the last call."""
        moved, self._moved = self._moved, set()
        for key in sorted(moved):
            record = self._readable(key)
            if record is None:
                continue
            for candle in open_candles(key.decode(), record.state):
                if candle.interval != Interval.ONE_SECOND:  # it is over before anybody reads it
                    await self._outlet.live(key, codecs.encode(candle))

    async def start_over(self) -> None:
        """Drop what belongs to the old assignment, and resend unacknowledged candles."""
        self._healer.forget()
        self.taken.clear()
        self._records.clear()
        self._moved.clear()
        self._acknowledged.clear()
        for key in [key for key, _ in self._table.items()]:
            record = self._readable(key)
            for candle in record.outbox if record else ():
                await self._send(key, candle)

    async def _may_fold(
        self, message: Message, block: TradeBlock, record: CandleRecord | None
    ) -> bool:
        if record is not None and not is_ahead(record.state, block):
            return True
        state_offset = -1 if record is None else record.offset
        verdict = self._healer.judge(
            message.partition, state_offset=state_offset, now_s=time.monotonic()
        )
        if verdict is Verdict.READ_AGAIN:
            log.warning("%s: state is behind the topic, reading again", block.symbol)
            oldest = await self._read_again(message.partition, state_offset + 1)
            if oldest is not None:
                self._healer.holds_from(message.partition, oldest)
        return verdict is Verdict.REAL_GAP

    async def _fold(self, message: Message, kept: Kept, record: CandleRecord | None) -> None:
        admitted = admit(record, kept, self._rules)
        for refused, reason in admitted.refused:
            await self._bury(message_of(refused, message.topic), reason)
        if admitted.state is None:
            return
        if record is not None and (admitted.state, admitted.doubts) == (
            record.state,
            record.doubts,
        ):
            return
        key = kept.key
        outbox = (*self._unacknowledged(key, record), *admitted.closed)
        self._remember(key, CandleRecord(message.offset, admitted.state, outbox, admitted.doubts))
        self._moved.add(key)
        for candle in admitted.closed:
            await self._send(key, candle)

    def _unacknowledged(self, key: bytes, record: CandleRecord | None) -> list[bytes]:
        waiting = []
        for candle in record.outbox if record else ():
            if (key, candle) in self._acknowledged:
                self._acknowledged.discard((key, candle))
            else:
                waiting.append(candle)
        return waiting

    async def _bury(self, message: Message, reason: str) -> None:
        origin = Origin(
            reason,
            message.topic,
            message.partition,
            message.offset,
            reader=topics.CANDLE_APP,
            key=message.key,
            headers=plain_headers(message.headers),
        )
        await self._outlet.dead_letter(message.value or b"", origin)

    async def _send(self, key: bytes, candle: bytes) -> None:
        await self._outlet.closed(key, candle, lambda: self._acknowledged.add((key, candle)))

    def _readable(self, key: bytes) -> CandleRecord | None:
        """Return a symbol's record, None if only a newer version can read it."""
        try:
            return self._record(key)
        except ContractMismatch:
            return None

    def _record(self, key: bytes) -> CandleRecord | None:
        raw = self._table.get(key)
        if raw is None:
            return None
        known = self._records.get(key)
        if known is None or known[0] is not raw:
            known = self._records[key] = raw, load_record(raw)
        return known[1]

    def _remember(self, key: bytes, record: CandleRecord) -> None:
        raw = dump_record(record)
        self._table[key] = raw
        self._records[key] = raw, record
