"""Trades that the candle worker refuses leave their table: they came with ids that jump.

The sink stores a valid block before anybody knows whether its ids are the exchange's. The candle
worker knows when the next block has come, and says so in a dead letter with the whole block.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from schemas import codecs, topics
from schemas.dead_letters import DeadLetter, read_letter
from schemas.errors import ContractMismatch, PoisonMessage, Transient
from schemas.market import TradeBlock
from sinks.batches import Batch
from sinks.delivery import Delivery

# So long a letter waits for the rows that it speaks of: a partition that stands still may never
# store them, and would hold up all letters behind.
_PATIENCE_MS: Final = 600_000
_RETRY_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class RefusedTrades:
    """Rows of `trades` that are no trades of the exchange.

    Attributes:
        partition: Of the topic of trades, likewise ``offset``.
        next_agg_id: The first id behind them.
        received_ms: Of their block, so that a real trade of the same id stays.
    """

    partition: int
    offset: int
    symbol: str
    first_agg_id: int
    next_agg_id: int
    received_ms: int


class Remover(Protocol):
    """Takes rows away; `sinks.clickhouse.ClickHouse` says what is raised."""

    def remove_trades(self, refused: RefusedTrades) -> None:
        """Remove trades; a second time nothing happens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterDelivery(Delivery):
    """The way of dead letters: into their table, and what they refuse out of the table of trades.

    Attributes:
        remover: The store.
        stored_until: The offset that the sinks have reached in a partition of the trades.
    """

    remover: Remover
    stored_until: Callable[[int], int]

    def deliver(self, batch: Batch) -> None:
        """Insert letters, and remove the trades that they refuse.

        Raises:
            Transient: As the base; or such trades are still on their way into the table.
            ContractMismatch: As the base.
            ConfigurationError: As the base.
        """
        Delivery.deliver(self, batch)  # super() does not find a class with slots
        for message in batch.messages:
            letter = read_letter(message.value(), message.headers())
            refused = refused_trades(letter)
            if refused is None:
                continue
            if self.stored_until(refused.partition) <= refused.offset and _is_young(refused):
                raise Transient("refused trades are not stored yet", retry_after_s=_RETRY_S)
            self.remover.remove_trades(refused)


def refused_trades(letter: DeadLetter) -> RefusedTrades | None:
    """Return the trades that the candle worker refuses with a letter; None where it has none."""
    origin = letter.origin
    if (origin.topic, origin.reader) != (topics.TRADES.name, topics.CANDLE_APP):
        return None
    try:
        block = codecs.read(
            TradeBlock, key=origin.key, value=letter.value, headers=[*origin.headers]
        )
    except (PoisonMessage, ContractMismatch):
        return None  # what cannot be read was never stored
    if not len(block):
        return None
    return RefusedTrades(
        origin.partition,
        origin.offset,
        block.symbol,
        block.first_agg_id,
        block.next_agg_id,
        block.received_ms,
    )


def _is_young(refused: RefusedTrades) -> bool:
    return time.time_ns() // 1_000_000 - refused.received_ms < _PATIENCE_MS
