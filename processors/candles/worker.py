"""The candle worker: decodes messages, takes one pure step for each, sends the candles of all.

States are stored at the commits, with the closed candles in their outboxes, and nothing is
committed that is not stored. After a crash in between the same messages are read again and give
the same candles.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Final, Protocol

from clients.kafka.partition import partition_of
from clients.watching.log import EventLog
from clients.watching.metrics import IN_CANDLE, reached
from processors.candles.admission import admit
from processors.candles.block_messages import Message, kept_of, message_of
from processors.candles.held_states import Closed, HeldStates, Stored, Table
from processors.candles.id_jumps import Kept, is_ahead
from processors.candles.keeping import Acknowledgements, StateKeeper
from processors.candles.reconcile import Healer, Verdict
from processors.candles.reducer import open_candles
from processors.candles.state import CandleRules
from processors.candles.state_record import CandleRecord
from processors.runtime.stopped_partitions import Standing
from schemas import codecs, topics
from schemas.dead_letters import Origin, plain_headers
from schemas.errors import ContractMismatch, PoisonMessage
from schemas.market import TradeBlock
from schemas.timeframe import Interval

_log = EventLog(__name__)
Acknowledged = Callable[[Iterable[tuple[bytes, bytes]]], None]  # key and value of each candle
# So many messages are folded, and for so long, before their candles go and others have a turn.
_IN_ONE_GO: Final = 64
_ONE_GO_S: Final = 0.3


class Outlet(Protocol):
    """Destination of the results; each method returns once the records are queued."""

    async def closed(self, candles: list[Closed], acknowledged: Acknowledged) -> None:
        """Send closed candles, and call ``acknowledged`` with those that the broker has."""

    def under_way(self) -> Acknowledgements:
        """Return what is done when the broker has the closed candles sent so far."""

    async def states(self, records: list[Stored]) -> Acknowledgements:
        """Send records of the table, and return what is done when the broker has them."""

    async def live(self, candles: list[Closed]) -> None:
        """Send open candles."""

    async def dead_letter(self, raw: bytes, origin: Origin) -> None:
        """Send an unreadable message to the dead letters."""

    def letters(self) -> Acknowledgements:
        """Return what is done when the broker has the dead letters sent so far."""


class CandleWorker:
    """Builds candles for the symbols in the partitions that this process owns."""

    def __init__(
        self,
        table: Table,
        outlet: Outlet,
        rules: CandleRules,
        read_again: Callable[[int, int], Awaitable[int | None]],
        standing: Standing,
        *,
        partitions: int,
    ) -> None:
        """Create a worker without any state of its own.

        Args:
            table: The stored state of each symbol.
            outlet: Destination of the results.
            rules: Intervals and allowed lateness.
            read_again: Continues reading a partition at an offset, or at the oldest one that Kafka
                still has, and returns the latter; None if Kafka does not answer.
            standing: Partitions that are stopped.
            partitions: Number of partitions that the trades have.
        """
        self._states = HeldStates(table)
        self._outlet = outlet
        self._rules = rules
        self._read_again = read_again
        self._standing = standing
        self._partitions = partitions
        self._healer = Healer()
        self._moved: set[bytes] = set()
        self.taken: dict[int, int] = {}  # partition: newest offset
        self.keeper = StateKeeper(
            self._states, outlet.states, candles=outlet.under_way, letters=outlet.letters
        )

    async def take(self, messages: Sequence[Message]) -> None:
        """Fold messages into the candles of their symbols, those of a partition in their order.

        A message that cannot be read or folded becomes a dead letter. A record or a state that only
        a newer version can read stops its partition. The other messages go on.
        """
        closed: list[Closed] = []
        begun_s = time.monotonic()
        for number, message in enumerate(messages, 1):
            if not self._standing.holds(message.topic, message.partition):
                closed += await self._take(message)
            if number % _IN_ONE_GO == 0 or time.monotonic() - begun_s > _ONE_GO_S:
                await self._send(closed)
                closed = []
                await asyncio.sleep(0)
                begun_s = time.monotonic()
        await self._send(closed)

    async def send_live(self) -> None:
        """Send the open candles of the symbols that changed since the last call."""
        moved, self._moved = self._moved, set()
        candles = [
            Closed(key, candle.interval, codecs.encode(candle))
            for key in sorted(moved)
            if (record := self._readable(key)) is not None
            for candle in open_candles(key.decode(), record.state)
            if candle.interval != Interval.ONE_SECOND  # it is over before anybody reads it
        ]
        if candles:
            await self._outlet.live(candles)

    async def start_over(self) -> None:
        """Drop what belongs to the old assignment, and resend unacknowledged candles."""
        self._healer.forget()
        self.taken.clear()
        self._moved.clear()
        self._states.forget()
        self.keeper.forget()
        owed: list[Closed] = []
        for key in self._states.symbols():
            if (record := self._readable(key)) is not None:
                partition = partition_of(key.decode(), self._partitions)
                self._healer.recovered(partition, record.state.seen_ms)
                owed += self._states.outbox(key)
        await self._send(owed)

    async def _take(self, message: Message) -> list[Closed]:
        """Fold one message and return the candles that it closes."""
        self.taken[message.partition] = message.offset
        self._healer.saw(message.partition, message.offset)
        closed: list[Closed] = []
        try:
            kept = kept_of(message)
            record = self._states.record(kept.key)
        except PoisonMessage as error:
            await self._bury(message, str(error))
        except ContractMismatch as mismatch:
            self._standing.stop(message.topic, message.partition, message.offset, mismatch)
            return closed
        else:
            if not await self._may_fold(message, kept.block, record):
                return closed  # it comes again
            closed = await self._fold(message, kept, record)
        self.keeper.folded(message.partition, message.offset)
        return closed

    async def _may_fold(
        self, message: Message, block: TradeBlock, record: CandleRecord | None
    ) -> bool:
        if record is not None and not is_ahead(record.state, block):
            return True
        state_offset, seen_ms = (-1, 0) if record is None else (record.offset, record.state.seen_ms)
        if self._healer.was_away(message.partition, seen_ms):
            return True
        verdict = self._healer.judge(
            message.partition, state_offset=state_offset, now_s=time.monotonic()
        )
        if verdict is Verdict.READ_AGAIN:
            _log.warning(
                "state_behind",
                "{symbol}: state is behind the topic, reading again",
                symbol=block.symbol,
            )
            oldest = await self._read_again(message.partition, state_offset + 1)
            if oldest is not None:
                self._healer.holds_from(message.partition, oldest)
        if verdict is Verdict.REAL_GAP:
            return True
        self.keeper.skipped(message.partition, message.offset, back_to=state_offset + 1)
        return False

    async def _fold(
        self, message: Message, kept: Kept, record: CandleRecord | None
    ) -> list[Closed]:
        admitted = admit(record, kept, self._rules)
        for refused in admitted.refused:
            buried = message_of(refused.kept, message.topic)
            await self._bury(buried, refused.reason, left_out=refused.left_out)
        state, doubts = admitted.state, admitted.doubts
        if state is None or (record and (state, doubts) == (record.state, record.doubts)):
            return []
        self._healer.folded(message.partition, kept.block.received_ms)
        closed = [Closed(kept.key, interval, value) for interval, value in admitted.closed]
        changed = CandleRecord(message.offset, state, doubts=doubts)
        self._states.put(kept.key, message.partition, changed, closed)
        self._moved.add(kept.key)
        if len(kept.block):
            reached(IN_CANDLE, int(kept.block.event_ms[-1]))
        return closed

    async def _bury(
        self, message: Message, reason: str, *, left_out: tuple[tuple[int, int], ...] = ()
    ) -> None:
        origin = Origin(
            reason,
            message.topic,
            message.partition,
            message.offset,
            reader=topics.CANDLE_APP,
            key=message.key,
            headers=plain_headers(message.headers),
            left_out=left_out,
        )
        await self._outlet.dead_letter(message.value or b"", origin)

    async def _send(self, closed: list[Closed]) -> None:
        if closed:
            await self._outlet.closed(closed, self._states.acknowledged)

    def _readable(self, key: bytes) -> CandleRecord | None:
        """Return a symbol's record, None if only a newer version can read it."""
        try:
            return self._states.record(key)
        except ContractMismatch:
            return None
