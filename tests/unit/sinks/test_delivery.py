"""A delivery that is repeated does nothing of it twice, and counts it once."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from prometheus_client import REGISTRY

from clients.clock import wall_ms
from schemas import topics
from schemas.codecs import message_of
from schemas.dead_letters import Origin, letter_of
from schemas.errors import Transient
from sinks.batches import Batch
from sinks.delivery import Delivery
from sinks.refused_trades import LetterDelivery, RefusedTrades
from sinks.tables import TABLES, CandleKey, Rows, Table
from tests.support.builders import a_block, a_trade
from tests.support.messages import Sent

TABLE = {table.topic: table for table in TABLES}


@dataclass
class Store:
    """Takes everything."""

    tokens: list[str] = field(default_factory=list)
    removed: list[RefusedTrades] = field(default_factory=list)

    def insert(self, _table: Table, rows: bytes, *, token: str) -> None:
        assert rows
        self.tokens.append(token)

    def keep_revisions(self, _table: Table, _candles: Sequence[CandleKey]) -> None:
        raise AssertionError("there are no candles")

    def remove_trades(self, refused: RefusedTrades) -> None:
        self.removed.append(refused)


@dataclass
class Letters:
    """Takes all letters but some."""

    fails_for: set[int] = field(default_factory=set)
    about: list[int] = field(default_factory=list)

    def send(self, _raw: bytes, origin: Origin) -> None:
        if origin.offset in self.fails_for:
            raise Transient("Kafka does not take it now")
        self.about.append(origin.offset)


def counted(table: Table) -> tuple[float, float]:
    labels = {"table": table.name}
    names = "candlewick_sink_batches_total", "candlewick_sink_rows_total"
    batches, rows = (REGISTRY.get_sample_value(name, labels) or 0.0 for name in names)
    return batches, rows


LETTERS = TABLE[topics.DEAD_LETTERS]


def a_refusal(offset: int, *, retried_ms: int = -1) -> Sent:
    """What the candle worker writes about a block of trades, or `retry` once it was sent again."""
    block = message_of(a_block([a_trade(event_ms=wall_ms())]))
    origin = Origin(
        "its ids jump",
        topics.TRADES.name,
        0,
        offset,
        reader=topics.CANDLE_APP,
        key=block.key,
        headers=block.headers,
    )
    letter = letter_of(block.value, origin, retried_ms=retried_ms)
    return Sent(letter.key, letter.value, letter.headers)


def letters_in(*messages: Sent) -> Batch:
    batch = Batch()
    for offset, message in enumerate(messages):
        batch.append(offset, message, LETTERS.read(message))
    return batch


def test_trades_that_were_sent_again_stay_stored() -> None:
    store = Store()
    delivery = LetterDelivery(
        LETTERS, "id", 0, store, Letters(), remover=store, stored=lambda: {0: 501}
    )

    delivery.deliver(letters_in(a_refusal(77, retried_ms=wall_ms())))
    assert not store.removed

    delivery.deliver(letters_in(a_refusal(500)))  # the candle worker refuses them once more
    assert [refused.offset for refused in store.removed] == [500]


def test_letters_that_wait_for_their_trades_are_counted_once() -> None:
    table, store, reached = LETTERS, Store(), {0: 70}
    batch = letters_in(a_refusal(77))
    delivery = LetterDelivery(
        table, "id", 0, store, Letters(), remover=store, stored=lambda: reached
    )
    batches, rows = counted(table)

    for _ in range(3):
        with pytest.raises(Transient, match="not stored yet"):
            delivery.deliver(batch)
    reached[0] = 78
    delivery.deliver(batch)

    assert counted(table) == (batches + 1, rows + 1)
    assert len(store.tokens) == len(store.removed) == 1


def test_a_letter_that_kafka_has_is_not_sent_again_for_one_that_it_does_not_take() -> None:
    batch, letters = Batch(), Letters(fails_for={2})
    batch.append(0, Sent(b"BTCUSDT", b"raw"), Rows(b"row", 1))
    for offset in (1, 2, 3):
        batch.bury(offset, Sent(b"BTCUSDT", b"junk"), "unreadable")
    delivery = Delivery(TABLE[topics.GAPS], "id", 0, Store(), letters)

    for _ in range(2):
        with pytest.raises(Transient):
            delivery.deliver(batch)
    letters.fails_for.clear()
    delivery.deliver(batch)

    assert letters.about == [1, 2, 3]
