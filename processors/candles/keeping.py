"""Stores changed records before each commit, and says up to which offset everything is stored."""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import Any, Final

from clients.watching.log import EventLog
from processors.candles.held_states import HeldStates, Stored

_log: Final = EventLog(__name__)
# Each step of a commit waits no longer: a rebalance waits for it too. Faust commits each second,
# and would warn of each commit that lasts as long.
_PATIENCE_S: Final = 0.9

Acknowledgements = Collection["asyncio.Future[Any]"]


@dataclass(frozen=True, slots=True)
class _UnderWay:
    """Records that were sent, and the offsets before which they hold everything."""

    records: list[Stored]
    marks: dict[int, int]
    sent: Acknowledgements


class StateKeeper:
    """Stores records, and knows what of each partition is folded and stored.

    Args:
        states: The records.
        send: Sends records, returns what is done when Kafka has them.
        candles: Returns what is done when Kafka has the candles sent so far.
        letters: The same of the dead letters.
    """

    def __init__(
        self,
        states: HeldStates,
        send: Callable[[list[Stored]], Awaitable[Acknowledgements]],
        *,
        candles: Callable[[], Acknowledgements],
        letters: Callable[[], Acknowledgements],
    ) -> None:
        self._states = states
        self._send = send
        self._candles = candles
        self._letters = letters
        self._lock = asyncio.Lock()
        self._folded: dict[int, int] = {}
        self._skipped: dict[int, int] = {}
        self._kept: dict[int, int] = {}
        self._under_way: _UnderWay | None = None
        self._is_told = False

    def folded(self, partition: int, offset: int) -> None:
        """Take note that the records up to an offset are folded; call this after each."""
        if offset <= self._skipped.get(partition, offset):  # else the reader has not gone back yet
            self._skipped.pop(partition, None)
            self._folded[partition] = offset + 1

    def skipped(self, partition: int, offset: int, *, back_to: int) -> None:
        """Take note that a record waits until its partition is read again from ``back_to`` on."""
        self._skipped[partition] = offset
        self._folded[partition] = min(back_to, offset)

    def kept(self, partition: int) -> int | None:
        """Return the offset before which everything is stored; None before the first time."""
        return self._kept.get(partition)

    async def save(self) -> None:
        """Store what has changed; wait a moment for Kafka to acknowledge it.

        Candles are acknowledged first, as a rule; those that are not go along in the records.
        """
        async with self._lock:
            if self._under_way is None:
                await _done(self._candles())
                await self._begin()
            if self._under_way is not None:
                await self._end(self._under_way)

    def forget(self) -> None:
        """Forget all offsets after a new assignment."""
        self._folded.clear()
        self._skipped.clear()
        self._kept.clear()
        self._under_way = None

    async def _begin(self) -> None:
        """Send what has changed; records and offsets are taken in one moment."""
        marks, records = dict(self._folded), self._states.unstored()
        letters = [*self._letters()]
        begun = self._under_way = _UnderWay(records, marks, [])
        try:
            async with asyncio.timeout(_PATIENCE_S):
                if letters:  # a state that knows a refused block does not refuse it again
                    await asyncio.wait(letters)
                sent = await self._send(records) if records else []
        except TimeoutError:
            self._tell()
            self._lose(begun)
        except BaseException:  # else the next commit would take them for stored
            self._lose(begun)
            raise
        else:
            self._is_told = False
            if self._under_way is begun:
                self._under_way = _UnderWay(records, marks, sent)

    def _tell(self) -> None:
        if not self._is_told:
            _log.warning(
                "state_not_taken",
                "Kafka takes no state, or no dead letter before it: it is tried again at each "
                "commit",
            )
        self._is_told = True

    def _lose(self, begun: _UnderWay) -> None:
        """Take note that Kafka does not have the records; the next commit sends them again."""
        if self._under_way is begun:
            self._under_way = None
            self._states.lost(begun.records)

    async def _end(self, under_way: _UnderWay) -> None:
        if not await _done(under_way.sent) or self._under_way is not under_way:
            return
        self._under_way = None
        failed = [sent for sent in under_way.sent if sent.cancelled() or sent.exception()]
        if failed:
            _log.warning(
                "state_unacknowledged", "Kafka did not take a state: {error!r}", error=failed[0]
            )
            self._states.lost(under_way.records)
            return
        self._states.stored(under_way.records)
        self._kept |= under_way.marks


async def _done(futures: Acknowledgements) -> bool:
    """Wait until all futures are done, but not for long, and return whether they are."""
    if not futures:
        return True
    _, pending = await asyncio.wait(futures, timeout=_PATIENCE_S)
    return not pending
