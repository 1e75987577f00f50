"""Removal of stored trades that the candle worker refuses because their ids jump.

The sink stores a valid block before its ids can be checked. The candle worker can check them once
the next block has arrived, and then sends a dead letter with the whole block.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from schemas import codecs, topics
from schemas.codecs import headers_of
from schemas.dead_letters import DeadLetter, read_letter
from schemas.errors import ContractMismatch, PoisonMessage, Transient
from schemas.market import TradeBlock
from sinks.batches import Batch
from sinks.delivery import Delivery, Turn

# How long a letter waits while nothing of its trades' partition is stored: one that is stopped may
# never store them, and would delay all later letters.
_PATIENCE_S: Final = 600.0
_RETRY_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class RefusedTrades:
    """Rows of `trades` that are not trades of the exchange.

    Attributes:
        partition: Partition of the trades topic with their block.
        offset: Offset of their block in that partition.
        ids: Their ids, in ranges ``[first, next)``.
        received_ms: Received time of their block, so that a real trade with the same id stays.
        era: Era of the ids.
    """

    partition: int
    offset: int
    symbol: str
    ids: tuple[tuple[int, int], ...]
    received_ms: int
    era: int


class Remover(Protocol):
    """The store of trades; raises as `sinks.clickhouse.ClickHouse` does."""

    def remove_trades(self, refused: RefusedTrades) -> None:
        """Remove trades; repeating it changes nothing."""


class Patience:
    """How long the letters that one process has met wait until their trades are stored."""

    def __init__(self) -> None:
        """Begin with no letters."""
        self._since: dict[tuple[int, int], tuple[int, float]] = {}

    def lasts(self, refused: RefusedTrades, stored: int) -> bool:
        """Return whether refused trades are to be waited for.

        Args:
            refused: The trades.
            stored: The sinks' committed offset of their partition.
        """
        place, now_s = (refused.partition, refused.offset), time.monotonic()
        if stored > refused.offset:
            self._since.pop(place, None)
            return False
        before, since_s = self._since.get(place, (stored, now_s))
        self._since[place] = stored, since_s if before == stored else now_s
        return now_s - self._since[place][1] < _PATIENCE_S


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterDelivery(Delivery):
    """The delivery of dead letters, which also removes the trades that they refuse.

    Attributes:
        remover: The store of the trades.
        stored: Returns the sinks' committed offset of each partition of the trades topic.
        patience: How long letters wait; the same for all deliveries of a process.
    """

    remover: Remover
    stored: Callable[[], Mapping[int, int]]
    patience: Patience

    def deliver(self, batch: Batch) -> None:
        """Insert letters, and remove the trades that they refuse.

        Raises:
            Transient: As `Delivery.deliver`, or refused trades are not stored yet.
            ContractMismatch: As `Delivery.deliver`.
            ConfigurationError: As `Delivery.deliver`.
        """
        Delivery.deliver(self, batch)  # super() does not find a class with slots
        found = dict(_refused_in(batch))
        stored = self.stored() if found else {}  # Kafka is asked once for all of them
        waits, turn = False, Turn()
        for offset, refused in found.items():
            if self.patience.lasts(refused, stored.get(refused.partition, 0)):
                waits = True
                continue
            self.remover.remove_trades(refused)
            batch.settled.add(offset)
            turn.check("removals of refused trades")
        if waits:
            raise Transient("refused trades are not stored yet", retry_after_s=_RETRY_S)


def refused_trades(letter: DeadLetter) -> RefusedTrades | None:
    """Return the trades that a letter of the candle worker refuses; None if it refuses none."""
    if letter.retried_ms >= 0:
        return None  # it says that they were sent again: only a new letter refuses them again
    origin = letter.origin
    if (origin.topic, origin.reader) != (topics.TRADES.name, topics.CANDLE_APP):
        return None
    try:
        block = codecs.read(
            TradeBlock, key=origin.key, value=letter.value, headers=[*origin.headers]
        )
    except (PoisonMessage, ContractMismatch):
        return None  # an unreadable block was never stored
    if not len(block):
        return None
    return RefusedTrades(
        origin.partition,
        origin.offset,
        block.symbol,
        origin.left_out or ((block.first_agg_id, block.next_agg_id),),
        block.received_ms,
        block.era,
    )


def _refused_in(batch: Batch) -> Iterable[tuple[int, RefusedTrades]]:
    """Return the offset of each letter whose trades are still to be removed, and these trades."""
    found: dict[str, tuple[int, RefusedTrades]] = {}
    for offset, message in zip(batch.offsets, batch.messages, strict=True):
        letter = read_letter(message.value(), headers_of(message))
        refused = refused_trades(letter)
        if letter.retried_ms >= 0:  # a removal would take the rows too that were sent again
            found.pop(letter.name, None)
        elif refused is not None and offset not in batch.settled:
            found[letter.name] = offset, refused
    return found.values()
