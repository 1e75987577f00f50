"""A delivery that is repeated does nothing of it twice, and counts it once."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import pytest
from prometheus_client import REGISTRY

from clients.clock import wall_ms
from schemas import topics
from schemas.codecs import message_of
from schemas.dead_letters import Origin, letter_of
from schemas.errors import PoisonMessage, Transient
from sinks.batches import Batch
from sinks.delivery import LONGEST_S, Delivery
from sinks.refused_trades import LetterDelivery, Patience, RefusedTrades
from sinks.tables import TABLES, CandleKey, Rows, Table
from tests.support.builders import a_block, a_trade
from tests.support.messages import Sent

TABLE = {table.topic: table for table in TABLES}


@dataclass
class Store:
    """Takes everything."""

    tokens: list[str] = field(default_factory=list)
    removed: list[RefusedTrades] = field(default_factory=list)
    kept: list[CandleKey] = field(default_factory=list)

    def insert(self, _table: Table, rows: bytes, *, token: str) -> None:
        assert rows
        self.tokens.append(token)

    def keep_revisions(self, _table: Table, candles: Sequence[CandleKey]) -> None:
        self.kept += candles

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


def a_refusal(offset: int, *, retried_ms: int = -1, event_ms: int | None = None) -> Sent:
    """What the candle worker writes about a block of trades, or `retry` once it was sent again."""
    event_ms = wall_ms() if event_ms is None else event_ms
    block = message_of(a_block([a_trade(event_ms=event_ms)]))
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


def letter_delivery(store: Store, reached: dict[int, int]) -> LetterDelivery:
    way = (LETTERS, "id", 0, store, Letters())
    return LetterDelivery(*way, remover=store, stored=lambda: reached, patience=Patience())


@dataclass
class Watch:
    """A steady clock."""

    now_s: float = 1_000.0

    def monotonic(self) -> float:
        return self.now_s


def test_trades_that_were_sent_again_stay_stored() -> None:
    store = Store()
    delivery = letter_delivery(store, {0: 501})

    delivery.deliver(letters_in(a_refusal(77, retried_ms=wall_ms())))
    assert not store.removed

    delivery.deliver(letters_in(a_refusal(77), a_refusal(77, retried_ms=wall_ms())))
    assert not store.removed  # sinks that were behind have both blocks, with the same rows

    delivery.deliver(letters_in(a_refusal(500)))  # the candle worker refuses them once more
    assert [refused.offset for refused in store.removed] == [500]


def test_letters_that_wait_for_their_trades_are_counted_once() -> None:
    table, store, reached = LETTERS, Store(), {0: 70}
    batch = letters_in(a_refusal(77))
    delivery = letter_delivery(store, reached)
    batches, rows = counted(table)

    for _ in range(3):
        with pytest.raises(Transient, match="not stored yet"):
            delivery.deliver(batch)
    reached[0] = 78
    delivery.deliver(batch)

    assert counted(table) == (batches + 1, rows + 1)
    assert len(store.tokens) == len(store.removed) == 1


def test_thousands_of_dead_letters_are_written_in_parts_and_each_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    watch, letters = Watch(), Letters()
    monkeypatch.setattr("sinks.delivery.time", watch)
    delivery, batch = Delivery(TABLE[topics.GAPS], "id", 0, Store(), letters), Batch()
    for offset in range(0, 20_000, 2):
        batch.bury(offset, Sent(b"BTCUSDT", b"junk"), "unreadable")
    send = letters.send

    def slowly(raw: bytes, origin: Origin) -> None:
        watch.now_s += 0.01
        send(raw, origin)

    monkeypatch.setattr(letters, "send", slowly)

    for _ in range(49):
        began_s = watch.now_s
        with pytest.raises(Transient, match="the rest comes next") as later:
            delivery.deliver(batch)
        assert later.value.retry_after_s == 0
        assert watch.now_s - began_s < 2.1
    delivery.deliver(batch)

    assert letters.about == [*range(0, 20_000, 2)]


def test_many_refused_blocks_are_removed_in_parts_and_each_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    watch, store = Watch(), Store()
    monkeypatch.setattr("sinks.delivery.time", watch)
    monkeypatch.setattr("sinks.refused_trades.time", watch)
    delivery = letter_delivery(store, {0: 5_000})
    batch = letters_in(*map(a_refusal, range(30)))

    def slowly(refused: RefusedTrades) -> None:
        watch.now_s += 0.1
        store.removed.append(refused)

    monkeypatch.setattr(store, "remove_trades", slowly)

    with pytest.raises(Transient, match="the rest comes next"):
        delivery.deliver(batch)
    delivery.deliver(batch)

    assert [refused.offset for refused in store.removed] == [*range(30)]


@pytest.mark.parametrize("age_ms", [0, 11 * 60_000, -11 * 60_000])
def test_refused_trades_are_waited_for_while_their_partition_goes_on(
    monkeypatch: pytest.MonkeyPatch, age_ms: int
) -> None:
    watch, store, reached = Watch(), Store(), {0: 0}
    monkeypatch.setattr("sinks.refused_trades.time", watch)
    delivery, batch = (
        letter_delivery(store, reached),
        letters_in(a_refusal(5_000, event_ms=wall_ms() - age_ms)),
    )

    for offset in range(0, 5_001, 1_000):  # ten batches of a backlog, of which each is slow
        reached[0] = offset
        with pytest.raises(Transient, match="not stored yet"):
            delivery.deliver(batch)
        watch.now_s += 590
        with pytest.raises(Transient, match="not stored yet"):
            delivery.deliver(batch)
    reached[0] = 5_001
    delivery.deliver(batch)

    assert [refused.offset for refused in store.removed] == [5_000]


def test_a_stopped_partition_of_trades_holds_up_letters_for_ten_minutes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    watch, store = Watch(), Store()
    monkeypatch.setattr("sinks.refused_trades.time", watch)
    delivery, batch = letter_delivery(store, {0: 70}), letters_in(*map(a_refusal, (69, 77, 78)))

    for _ in range(3):
        with pytest.raises(Transient, match="not stored yet"):
            delivery.deliver(batch)
    assert [refused.offset for refused in store.removed] == [69]  # once, and it waits for none
    watch.now_s += 600
    delivery.deliver(batch)

    assert [refused.offset for refused in store.removed] == [69, 77, 78]


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


@dataclass
class SlowStore(Store):
    """Takes a second for each call, refuses bad rows, and does not answer some calls."""

    watch: Watch = field(default_factory=Watch)
    silent_at: set[int] = field(default_factory=set)
    calls: int = 0
    rows: list[bytes] = field(default_factory=list)

    def insert(self, table: Table, rows: bytes, *, token: str) -> None:
        self._call()
        if b"bad " in rows:
            raise PoisonMessage("ClickHouse refuses the rows", raw=rows)
        super().insert(table, rows, token=token)
        self.rows += rows.split()

    def keep_revisions(self, table: Table, candles: Sequence[CandleKey]) -> None:
        self._call()
        super().keep_revisions(table, candles)

    def _call(self) -> None:
        self.calls += 1
        self.watch.now_s += 1
        if self.calls in self.silent_at:
            raise Transient("ClickHouse does not answer")


def attempts(delivery: Delivery, batch: Batch, watch: Watch) -> list[float]:
    """Deliver a batch as often as it needs, and return how long each time took, in seconds."""
    took = []
    while not batch.is_inserted:
        began_s = watch.now_s
        with suppress(Transient):
            delivery.deliver(batch)
        took.append(watch.now_s - began_s)
    return took


def test_a_batch_is_halved_in_parts_and_no_half_is_sent_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store, letters, batch = SlowStore(silent_at={4, 5, 23}), Letters(), Batch()
    monkeypatch.setattr("sinks.delivery.time", store.watch)
    bad = {0, 17, 18, 63}
    for offset in range(64):
        row = b"bad " if offset in bad else b"%d " % offset
        batch.append(offset, Sent(b"BTCUSDT", b"raw"), Rows(row, 1))

    took = attempts(Delivery(TABLE[topics.GAPS], "id", 0, store, letters), batch, store.watch)

    assert max(took) < LONGEST_S + 1.1
    assert len(took) > 10
    assert len(store.tokens) == len(set(store.tokens))
    assert sorted(map(int, store.rows)) == [n for n in range(64) if n not in bad]
    assert letters.about == sorted(bad)


def test_many_earlier_revisions_are_kept_in_parts_and_each_once_before_the_rows_are_in(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store, batch = SlowStore(silent_at={3}), Batch()
    monkeypatch.setattr("sinks.delivery.time", store.watch)
    keys = [CandleKey("1m", "BTCUSDT", minute * 60_000, "trades") for minute in range(5_000)]
    for offset, key in enumerate(keys):
        batch.append(offset, Sent(b"BTCUSDT", b"raw"), Rows(b"row ", 1, key))

    took = attempts(Delivery(TABLE[topics.CANDLES], "id", 0, store, Letters()), batch, store.watch)

    assert max(took) < LONGEST_S + 1.1
    assert len(took) > 3
    assert len(store.kept) == len(keys)
    assert set(store.kept) == set(keys)
    assert len(store.tokens) == 1
