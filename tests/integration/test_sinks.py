"""The sinks as a process, between a real Kafka and a real ClickHouse."""

import hashlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.health.lag import read_offsets
from clients.kafka.group import GroupOffsets, behind
from clients.kafka.partition import partition_of
from clients.kafka.reader import TopicReader
from clients.kafka.topics import create_topics
from clients.process import START_ME_AGAIN
from schemas import topics
from schemas.codecs import _frame, encode, message_of
from schemas.dead_letters import LARGEST_VALUE, Origin, letter_of, read_letter
from schemas.errors import ConfigurationError, ContractMismatch, PoisonMessage, Transient
from schemas.history import Hole
from schemas.market import Candle, Gap, TradeBlock
from schemas.migrations import migrate, read_migrations
from schemas.rules.checks import EARLIEST_MS, LATEST_MS
from schemas.settings import ClickHouseSettings, KafkaSettings, SinkSettings
from schemas.topics import Topic
from sinks.batches import Batch
from sinks.clickhouse import ClickHouse
from sinks.consumer import GROUP, sink_consumer
from sinks.delivery import READER, Delivery
from sinks.drain import Drain
from sinks.tables import BLOCK_READER, CANDLE_READER, Table, tables_with
from tests.support.builders import MINUTE_MS, START_MS, a_block, a_candle, a_trade
from tests.support.header_names import Named, send_named
from tests.support.kafka_process import committed_offsets
from tests.support.messages import sent
from tests.support.servers import RunningClickHouse, RunningKafka, running_clickhouse, running_kafka

DATABASE = "candlewick"
DEADLINE_S = 120.0
BLOCK = 10
TABLES = tables_with(SinkSettings(trades_linger_ms=900, live_linger_ms=100))


@dataclass(slots=True)
class World:
    kafka: RunningKafka
    clickhouse: RunningClickHouse
    producer: Producer
    store: ClickHouse
    client: Client

    def send(self, topic: Topic, key: str, *messages: bytes) -> None:
        for message in messages:
            self.producer.produce(topic.name, key=key, value=message)
        assert self.producer.flush(DEADLINE_S) == 0

    def number(self, query: str) -> int:
        return int(self.client.query(query).result_rows[0][0])

    def start(self, instance: str | None = "1") -> subprocess.Popen[str]:
        environment = {
            **os.environ,
            "CANDLEWICK_KAFKA__BOOTSTRAP_SERVERS": self.kafka.bootstrap,
            "CANDLEWICK_CLICKHOUSE__URL": self.clickhouse.url,
            "CANDLEWICK_CLICKHOUSE__USER": self.clickhouse.user,
            "CANDLEWICK_CLICKHOUSE__PASSWORD": self.clickhouse.password,
        }
        command = [sys.executable, "-m", "sinks"]
        command += [] if instance is None else ["--instance", instance]
        return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)

    @contextmanager
    def sinks(self) -> Iterator[subprocess.Popen[str]]:
        process = self.start()
        try:
            yield process
        finally:
            finish(process)


class Migrating:
    def __init__(self, client: Client) -> None:
        self._client = client

    def run(self, statement: str) -> None:
        self._client.command(statement)

    def rows(self, query: str) -> list[tuple[str, str]]:
        found = self._client.query(query).result_rows
        return [(str(name), bytes(checksum).decode()) for name, checksum in found]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("sinks")
    with (
        running_kafka(folder / "kafka") as kafka,
        running_clickhouse(folder / "clickhouse") as clickhouse,
    ):
        clickhouse.client().command(f"CREATE DATABASE IF NOT EXISTS {DATABASE}")
        migrate(Migrating(clickhouse.client(database=DATABASE)), read_migrations())
        producer = Producer(
            {
                "bootstrap.servers": kafka.bootstrap,
                "partitioner": "murmur2_random",
                "linger.ms": 1,
                "log_level": 0,
            }
        )
        client = clickhouse.client(database=DATABASE)
        store = ClickHouse(settings_of(clickhouse))
        yield World(kafka, clickhouse, producer, store, client)


def settings_of(server: RunningClickHouse) -> ClickHouseSettings:
    return ClickHouseSettings(
        url=server.url, user=server.user, password=server.password, database=DATABASE
    )


def finish(process: subprocess.Popen[str]) -> str:
    if process.poll() is None:
        process.terminate()
    _, said = process.communicate(timeout=DEADLINE_S)
    return said


def kill(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=DEADLINE_S)


def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def blocks(symbol: str, first: int, count: int) -> list[bytes]:
    return [
        encode(a_block([a_trade(at + i, symbol=symbol) for i in range(BLOCK)]))
        for at in range(first, first + count * BLOCK, BLOCK)
    ]


def a_gap(symbol: str, agg_id: int) -> Gap:
    return Gap(symbol, agg_id, agg_id, -1, -1, "found", START_MS, START_MS, "why")


def is_stored_once(world: World, symbol: str, rows: int) -> bool:
    """Whether each trade 1..rows is there, and no trade twice, without FINAL."""
    counts = "count(), uniqExact(agg_id), min(agg_id), max(agg_id)"
    query = f"SELECT toString(({counts})) FROM trades WHERE symbol = '{symbol}'"  # noqa: S608 - our own
    return bool(world.client.query(query).result_rows[0][0] == f"({rows},{rows},1,{rows})")


def insert(store: ClickHouse, table: Table, rows: bytes, token: str) -> None:
    store.insert(table, rows, token=token)


def table_of(topic: Topic) -> Table:
    return next(table for table in TABLES if table.topic is topic)


_AMOUNTS = st.integers(0, 10**38 - 1)
CANDLES = st.builds(
    lambda prices, first_id, fills, **changes: replace(
        a_candle(),
        low_e8=min(prices),
        high_e8=max(prices),
        open_e8=prices[0],
        close_e8=prices[1],
        first_trade_id=first_id,
        last_trade_id=first_id + fills - 1,
        trade_count=fills,
        **changes,
    ),
    st.lists(st.integers(1, 2**63 - 1), min_size=2, max_size=4),
    st.integers(0, 2**61),
    st.integers(1, 2**61),
    symbol=st.text(st.characters(categories=["Lu", "Nd"]), min_size=1, max_size=20).filter(
        lambda text: unicodedata.is_normalized("NFC", text)
    ),
    volume_e8=_AMOUNTS,
    taker_buy_quote_volume_e8=_AMOUNTS,
    price_variation_e16=st.none() | _AMOUNTS,
    revision=st.integers(0, 2**31 - 1),
    event_ms=st.integers(EARLIEST_MS, LATEST_MS - 1),
)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(CANDLES, min_size=1, max_size=20))
def test_clickhouse_reads_back_every_candle_as_it_was(world: World, candles: list[Candle]) -> None:
    client = world.client
    client.command("CREATE TABLE IF NOT EXISTS copies AS candles ENGINE = Memory")
    client.command("TRUNCATE TABLE copies")
    table = replace(table_of(topics.CANDLES), name="copies")
    rows = b"".join(CANDLE_READER(sent(candle)).data for candle in candles)

    world.store.insert(table, rows, token=str(random.random()))

    columns = ", ".join(_exact(column) for column in table.columns)
    stored = client.query(f"SELECT {columns} FROM copies").result_rows  # noqa: S608 - our own
    assert stored == [_values(candle) for candle in candles]


def _exact(column: str) -> str:
    if column.endswith("_time"):
        return f"toUnixTimestamp64Milli({column})"
    return column


def _values(candle: Candle) -> tuple[object, ...]:
    variation = candle.price_variation_e16
    return (
        candle.symbol,
        candle.interval,
        candle.open_ms,
        candle.close_ms,
        *(_decimal(getattr(candle, f"{name}_e8")) for name in ("open", "high", "low", "close")),
        *(_decimal(getattr(candle, f"{name}_e8")) for name in ("volume", "quote_volume")),
        candle.trade_count,
        _decimal(candle.taker_buy_volume_e8),
        _decimal(candle.taker_buy_quote_volume_e8),
        candle.first_trade_id,
        candle.last_trade_id,
        None if variation is None else _decimal(variation, 16),
        candle.status,
        candle.revision,
        candle.source,
        candle.event_ms,
    )


def _decimal(number: int, places: int = 8) -> Decimal:
    sign, digits = int(number < 0), tuple(int(digit) for digit in str(abs(number)))
    return Decimal((sign, digits, -places))


def test_clickhouse_reads_back_every_trade_as_it_was(world: World) -> None:
    draw = random.Random(1)
    trades = [
        a_trade(
            i,
            symbol="EXACT",
            event_ms=START_MS + draw.randrange(10**9),
            price_e8=draw.randrange(1, 2**63),
            quantity_e8=draw.randrange(1, 2**63),
            first_trade_id=3 * i,
            fills=3,
            taker_sold=draw.random() < 0.5,
        )
        for i in range(1, 500)
    ]
    rows = BLOCK_READER(sent(a_block(trades)))

    insert(world.store, table_of(topics.TRADES), rows.data, "exact")

    stored = world.client.query(
        "SELECT agg_id, toUnixTimestamp64Milli(event_time), price, quantity, first_trade_id, fills,"
        " taker_sold FROM trades WHERE symbol = 'EXACT' ORDER BY agg_id"
    )
    assert stored.result_rows == [
        (
            t.agg_id,
            t.event_ms,
            _decimal(t.price_e8),
            _decimal(t.quantity_e8),
            t.first_trade_id,
            t.fills,
            t.taker_sold,
        )
        for t in trades
    ]


def test_a_batch_that_comes_again_changes_nothing_though_it_spans_days(world: World) -> None:
    days = [a_trade(i, symbol="DAYS", event_ms=START_MS + i * 86_400_000) for i in range(1, 51)]
    rows = BLOCK_READER(sent(a_block(days)))

    for _ in range(3):
        insert(world.store, table_of(topics.TRADES), rows.data, "days")

    assert world.number("SELECT count() FROM trades WHERE symbol = 'DAYS'") == 50


def test_every_topic_reaches_its_table(world: World) -> None:
    candle = replace(a_candle(), symbol="EVERY")
    world.send(topics.TRADES, "EVERY", *blocks("EVERY", 1, 3))
    world.send(topics.CANDLES, "EVERY", encode(candle))
    minute_ms = now_ms() // MINUTE_MS * MINUTE_MS
    live = replace(candle, open_ms=minute_ms, close_ms=minute_ms + MINUTE_MS)
    world.send(topics.CANDLES_LIVE, "EVERY", encode(live))
    second = a_candle(interval="1s", length_ms=1_000)
    revised = replace(second, symbol="EVERY", revision=2)
    world.send(topics.CANDLES_1S, "EVERY", encode(replace(revised, revision=1)), encode(revised))
    world.send(topics.KLINES, "EVERY", encode(candle))
    world.send(topics.GAPS, "EVERY", encode(a_gap("EVERY", 1)))

    with world.sinks():
        carried = (topics.CANDLES, topics.CANDLES_LIVE, topics.KLINES, topics.GAPS, topics.TRADES)
        tables = [table_of(topic) for topic in carried]
        eventually(lambda: [rows_of(world, table, "EVERY") for table in tables] == [1, 1, 1, 1, 30])
        query = "SELECT max(revision) FROM candles_1s FINAL WHERE symbol = 'EVERY'"
        eventually(lambda: world.number(query) == revised.revision)


def rows_of(world: World, table: Table, symbol: str) -> int:
    query = f"SELECT count() FROM {table.name} WHERE symbol = '{symbol}'"  # noqa: S608 - our own
    return world.number(query)


def test_a_table_that_cannot_be_written_does_not_hold_up_the_others(world: World) -> None:
    candles = [replace(a_candle(), symbol=f"FULL{i}") for i in range(3)]
    with world.sinks() as process:
        world.send(topics.CANDLES, "FULL0", encode(candles[0]))
        eventually(lambda: rows_of(world, table_of(topics.CANDLES), "FULL0") == 1)
        world.client.command("ALTER TABLE candles MODIFY SETTING parts_to_throw_insert = 1")
        try:
            for candle in candles[1:]:
                world.send(topics.CANDLES, candle.symbol, encode(candle))
            eventually(lambda: waiting(world, topics.CANDLES) == 2)
            world.send(topics.TRADES, "NOTFULL", *blocks("NOTFULL", 1, 5))
            world.send(topics.GAPS, "NOTFULL", encode(a_gap("NOTFULL", 1)))

            eventually(lambda: is_stored_once(world, "NOTFULL", 5 * BLOCK))
            eventually(lambda: rows_of(world, table_of(topics.GAPS), "NOTFULL") == 1)
            assert waiting(world, topics.CANDLES) == 2
            assert process.poll() is None
        finally:
            world.client.command("ALTER TABLE candles RESET SETTING parts_to_throw_insert")
        for candle in candles:
            eventually(lambda c=candle: rows_of(world, table_of(topics.CANDLES), c.symbol) == 1)  # type: ignore[misc]
        eventually(lambda: waiting(world, topics.CANDLES) == 0)


@pytest.mark.parametrize("is_refused", [False, True])
def test_rows_whose_dead_letter_waits_are_not_stored_again_when_their_token_is_forgotten(
    world: World, *, is_refused: bool
) -> None:
    name = f"letters_{is_refused}"
    topic = replace(topics.GAPS, name=name)
    create_topics(KafkaSettings(bootstrap_servers=world.kafka.bootstrap, partitions=2), (topic,))
    world.client.command(
        f"CREATE TABLE {name} AS gaps ENGINE = MergeTree PRIMARY KEY symbol ORDER BY symbol "
        "SETTINGS non_replicated_deduplication_window = 1"
    )
    world.client.command(f"ALTER TABLE {name} ADD CONSTRAINT fine CHECK reason != 'refused'")
    table = replace(table_of(topics.GAPS), topic=topic, name=name)
    refused = encode(replace(a_gap("LETTER", 9), reason="refused")) if is_refused else b"\x01junk"
    for value in (encode(a_gap("LETTER", 1)), refused):
        world.producer.produce(topic.name, value, b"LETTER", partition=0)
    assert world.producer.flush(DEADLINE_S) == 0
    letters = Unwilling()

    def until() -> bool:
        letters.is_willing = letters.refusals >= 3
        if not letters.is_willing:  # the token of the batch is soon that of another partition
            world.producer.produce(topic.name, encode(a_gap("OTHER", 1)), b"OTHER", partition=1)
            world.producer.poll(0)
        return bool(letters.origins)

    consumer = sink_consumer(
        world.kafka.settings, instance="1", fetch_wait_ms=100, group=topic.name
    )
    Drain(
        consumer, (table,), lambda t, partition: Delivery(t, "id", partition, world.store, letters)
    ).run(until)

    assert rows_of(world, table, "OTHER") > 1
    assert rows_of(world, table, "LETTER") == 1
    assert [origin.offset for origin in letters.origins] == [1]


def waiting(world: World, topic: Topic) -> int:
    """How many records of a topic the sinks have not stored, as the health check counts them."""
    committed, ends, _ = read_offsets(GroupOffsets(world.kafka.settings))
    return behind(committed[GROUP], ends)[topic.name]


def members(world: World) -> int:
    """How many processes the sinks' group has."""
    _, _, found = read_offsets(GroupOffsets(world.kafka.settings))
    return found.get(GROUP, 0)


def send_while_stored(world: World, symbol: str, sent: int, *, more_s: float) -> int:
    """Send trades, more of them once the first are stored, and return how many were sent."""
    trades = table_of(topics.TRADES)
    before, stop_at = rows_of(world, trades, symbol), 0.0
    while stop_at == 0.0 or time.monotonic() < stop_at:
        world.send(topics.TRADES, symbol, *blocks(symbol, 1 + sent, 5))
        sent += 5 * BLOCK
        if stop_at == 0.0:
            eventually(lambda: rows_of(world, trades, symbol) > before)
            stop_at = time.monotonic() + more_s
    return sent


def test_sinks_killed_while_they_drain_store_every_trade_once(world: World) -> None:
    draw = random.Random(2)
    sent = 0
    for _ in range(4):
        process = world.start()
        try:
            sent = send_while_stored(world, "KILLED", sent, more_s=draw.uniform(0.1, 1.6))
        finally:
            kill(process)

    with world.sinks():
        eventually(lambda: is_stored_once(world, "KILLED", sent))


def test_clickhouse_killed_and_away_for_a_while_loses_and_repeats_nothing(world: World) -> None:
    draw = random.Random(3)
    sent = 0
    with world.sinks() as process:
        for _ in range(2):
            sent = send_while_stored(world, "AWAY", sent, more_s=draw.uniform(0.1, 1.2))
            world.clickhouse.kill()
            world.send(topics.TRADES, "AWAY", *blocks("AWAY", 1 + sent, 100))
            sent += 100 * BLOCK
            world.clickhouse.restart()
        eventually(lambda: is_stored_once(world, "AWAY", sent))
        assert process.poll() is None


@pytest.mark.slow
def test_kafka_killed_while_they_drain_loses_and_repeats_nothing(world: World) -> None:
    with supervised(world):  # on a busy machine librdkafka joins twice, and they are shut out
        world.send(topics.TRADES, "BROKER", *blocks("BROKER", 1, 200))
        eventually(lambda: rows_of(world, table_of(topics.TRADES), "BROKER") > 0)
        world.send(topics.TRADES, "BROKER", *blocks("BROKER", 2001, 200))
        world.kafka.kill()
        world.kafka.restart()
        world.send(topics.TRADES, "BROKER", *blocks("BROKER", 4001, 200))
        eventually(lambda: is_stored_once(world, "BROKER", 6000))


def test_a_second_process_takes_over_and_nothing_is_stored_twice(world: World) -> None:
    names, trades = [f"PAIR{i}" for i in range(8)], table_of(topics.TRADES)
    first = world.start("1")
    second = world.start(None)
    eventually(lambda: members(world) >= 2)
    for at in range(1, 2000, 5 * BLOCK):
        if at == 1001:
            eventually(lambda: all(rows_of(world, trades, name) > 0 for name in names))
        for name in names:
            world.send(topics.TRADES, name, *blocks(name, at, 5))
        if at == 1001:
            kill(first)

    eventually(lambda: all(is_stored_once(world, name, 2000) for name in names))
    finish(second)


@dataclass
class Door:
    """Deliveries that fail while it is shut."""

    is_open: bool = False
    passed: set[tuple[int, int]] = field(default_factory=set)

    def __call__(self, _table: Table, *, partition: int) -> Any:
        return DoorWay(self, partition)


@dataclass
class DoorWay:
    door: Door
    partition: int

    def deliver(self, batch: Batch) -> None:
        if not self.door.is_open:
            raise Transient("the door is shut", retry_after_s=0.1)
        self.door.passed |= {(self.partition, offset) for offset in batch.offsets}


def test_a_paused_partition_that_was_taken_away_is_read_when_it_comes_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sinks.batches.BATCH_ROWS", 1)  # one record is enough for a pause
    topic, door = replace(topics.GAPS, name="paused"), Door()
    create_topics(KafkaSettings(bootstrap_servers=world.kafka.bootstrap, partitions=2), (topic,))
    for partition in (0, 1):
        world.producer.produce(topic.name, encode(a_gap("PAUSED", 1)), b"PAUSED", partition)
    assert world.producer.flush(DEADLINE_S) == 0
    first, second = (
        sink_consumer(world.kafka.settings, instance=name, fetch_wait_ms=100, group=topic.name)
        for name in ("1", "2")
    )
    drain = Drain(first, (replace(table_of(topics.GAPS), topic=topic),), door)

    def steps() -> Iterator[bool]:
        while len(drain._pauses.full) < 2:
            yield False
        second.subscribe([topic.name])
        while not second.assignment():
            second.poll(0.1)
            yield False
        second.close()
        while len(first.assignment()) < 2:
            yield False
        door.is_open = True
        while len(door.passed) < 2:
            yield False
        yield True

    step, until_s = steps(), time.monotonic() + DEADLINE_S
    drain.run(lambda: next(step) or time.monotonic() > until_s)

    assert door.passed == {(0, 0), (1, 0)}


def test_what_cannot_be_read_is_a_dead_letter_and_the_rest_is_stored(world: World) -> None:
    gaps = [a_gap("POISON", i) for i in range(20)]
    messages = [encode(gap) for gap in gaps]
    messages[3] = b"\x01junk"
    messages[7] = messages[7][:-4]
    messages[11] = _frame(replace(gaps[11], changed_ms=-7))
    world.send(topics.GAPS, "POISON", *messages)
    nameless = [Named(b"POISON", value) for value in (encode(a_gap("POISON", 20)), b"\x01name")]
    send_named(world.kafka.bootstrap, topics.GAPS.name, partition_of("POISON", 4), *nameless)
    buried = [*(messages[i] for i in (3, 7, 11)), b"\x01name"]

    with world.sinks():
        eventually(lambda: rows_of(world, table_of(topics.GAPS), "POISON") == 18)
        eventually(lambda: dead_letters(world, "POISON") == buried)


def test_a_record_that_clickhouse_refuses_is_found_in_its_batch(world: World) -> None:
    world.client.command("ALTER TABLE gaps ADD CONSTRAINT fair CHECK reason != 'refused'")
    gaps = [a_gap("REFUSED", i) for i in range(20)]
    gaps[5] = replace(gaps[5], reason="refused")
    world.send(topics.GAPS, "REFUSED", *(encode(gap) for gap in gaps))

    with world.sinks():
        eventually(lambda: rows_of(world, table_of(topics.GAPS), "REFUSED") == 19)
        eventually(lambda: dead_letters(world, "REFUSED") == [encode(gaps[5])])


def test_dead_letters_are_stored_once_with_their_reason(world: World) -> None:
    origin = Origin("not Avro", topics.TRADES.name, 1, 42)
    letter = letter_of(b"broken", origin)
    for headers in (letter.headers, (("reason", b"\xff"), ("origin-offset", b"9" * 19))):
        world.producer.produce(topics.DEAD_LETTERS.name, b"broken", b"STORED", headers=[*headers])
    assert world.producer.flush(DEADLINE_S) == 0
    query = (
        "SELECT reason, origin_topic, origin_partition, origin_offset, bytes, "
        "abs(letter_time - now()) < 600 FROM dead_letters "
        "WHERE reason IN ('not Avro', '\ufffd') ORDER BY offset"
    )
    stored = [
        ("not Avro", topics.TRADES.name, 1, 42, 6, 1),
        ("\ufffd", "", -1, -1, 6, 1),
    ]
    for _ in range(2):
        with world.sinks():
            eventually(lambda: world.client.query(query).result_rows == stored)


def test_a_dead_letter_that_clickhouse_refuses_is_no_new_one(world: World) -> None:
    world.client.command("ALTER TABLE dead_letters ADD CONSTRAINT fair CHECK reason != 'refused'")
    for reason in ("refused", "after it"):
        headers = letter_of(b"broken", Origin(reason)).headers
        world.producer.produce(topics.DEAD_LETTERS.name, b"broken", b"SAME", headers=[*headers])
    assert world.producer.flush(DEADLINE_S) == 0
    written = letters_written(world)

    with world.sinks():
        after = "SELECT count() FROM dead_letters WHERE reason = 'after it'"
        eventually(lambda: world.number(after) == 1)
    assert letters_written(world) == written


def test_trades_that_the_candles_refuse_leave_their_table_and_others_of_their_ids_stay(
    world: World,
) -> None:
    jumping = replace(
        a_block([a_trade(9_000_000 + i, symbol="JUMP") for i in range(3)]), received_ms=START_MS
    )
    real = replace(jumping, received_ms=START_MS + 60_000)
    later = replace(jumping, era=1)
    refused_in(world, [jumping, real, later], reason="its ids jump")

    with world.sinks():
        eventually(
            lambda: (
                world.number("SELECT count() FROM dead_letters WHERE reason = 'its ids jump'") == 1
            )
        )
        left = (
            "SELECT toUnixTimestamp64Milli(received_time), era FROM trades WHERE symbol = 'JUMP' "
            "ORDER BY era"
        )
        stay = [(real.received_ms, 0)] * len(real) + [(later.received_ms, 1)] * len(later)
        eventually(lambda: world.client.query(left).result_rows == stay)


def test_trades_of_a_refused_block_that_are_in_candles_stay(world: World) -> None:
    block = a_block([a_trade(9_000_000 + i, symbol="PART") for i in range(4)])
    left_out = ((9_000_000, 9_000_001), (9_000_002, 9_000_003))
    refused_in(world, [block], reason="some are there twice", left_out=left_out)

    with world.sinks():
        left = "SELECT agg_id FROM trades WHERE symbol = 'PART' ORDER BY agg_id"
        stay = [(9_000_001,), (9_000_003,)]
        eventually(lambda: world.client.query(left).result_rows == stay)


def refused_in(
    world: World,
    blocks: list[TradeBlock],
    *,
    reason: str,
    left_out: tuple[tuple[int, int], ...] = (),
) -> None:
    """Send blocks, and a letter of the candle worker about the first of them."""
    places: list[tuple[int, int]] = []
    for block in blocks:
        message = message_of(block)
        world.producer.produce(
            topics.TRADES.name,
            message.value,
            message.key,
            headers=[*message.headers],
            on_delivery=lambda _, m: places.append((m.partition(), m.offset())),
        )
    assert world.producer.flush(DEADLINE_S) == 0
    message = message_of(blocks[0])
    origin = Origin(
        reason,
        topics.TRADES.name,
        *places[0],
        reader=topics.CANDLE_APP,
        key=message.key,
        headers=tuple((name, bytes(text)) for name, text in message.headers),
        left_out=left_out,
    )
    letter = letter_of(message.value or b"", origin)
    world.producer.produce(
        topics.DEAD_LETTERS.name, letter.value, letter.key, headers=[*letter.headers]
    )
    assert world.producer.flush(DEADLINE_S) == 0


def test_trades_and_gaps_of_one_era_do_not_hide_those_of_another(world: World) -> None:
    old = [a_trade(i, symbol="ERAS", price_e8=10**8) for i in range(1, 6)]
    new = [replace(trade, price_e8=9 * 10**8) for trade in old[:3]]
    for era, trades in enumerate((old, new)):
        world.send(topics.TRADES, "ERAS", encode(replace(a_block(trades), era=era)))
        world.send(topics.GAPS, "ERAS", encode(replace(a_gap("ERAS", 9), era=era)))

    with world.sinks():
        eventually(lambda: world.number("SELECT count() FROM gaps WHERE symbol = 'ERAS'") == 2)
        eventually(lambda: world.number("SELECT count() FROM trades WHERE symbol = 'ERAS'") == 8)
    for table in ("trades", "gaps"):
        world.client.command(f"OPTIMIZE TABLE {table} FINAL")

    by_era = "SELECT era, count(), sum(price) FROM trades FINAL WHERE symbol = 'ERAS' GROUP BY era"
    assert world.client.query(f"{by_era} ORDER BY era").result_rows == [(0, 5, 5), (1, 3, 27)]
    eras = "SELECT era FROM gaps FINAL WHERE symbol = 'ERAS' ORDER BY era"
    assert world.client.query(eras).result_rows == [(0,), (1,)]


def test_trades_from_before_eras_stay_when_the_migration_is_killed_half_way(world: World) -> None:
    world.client.command("CREATE DATABASE IF NOT EXISTS before_eras")
    client = world.clickhouse.client(database="before_eras")
    files = read_migrations()
    place = [migration.name for migration in files].index("034_eras")
    migrate(Migrating(client), files[:place])
    columns = ["symbol", "agg_id", "event_time", "stored_time"]
    at = datetime.now(UTC)
    client.insert("trades", [("OLD", 1, at, at), ("OLD", 2, at, at)], column_names=columns)
    first, *_ = files[place].statements()
    Migrating(client).run(first)  # and killed here

    migrate(Migrating(client), files)

    client.insert("trades", [("OLD", 1, at, at, 1)], column_names=[*columns, "era"])
    client.command("OPTIMIZE TABLE trades FINAL")
    rows = client.query("SELECT era, agg_id FROM trades ORDER BY era, agg_id").result_rows
    assert rows == [(0, 1), (0, 2), (1, 1)]


def test_the_row_that_a_later_revision_replaces_is_kept(world: World) -> None:
    first = replace(a_candle(), symbol="REVISED")
    second = replace(first, revision=2, close_e8=102 * 10**8)
    official = {"source": "rest", "status": "official", "first_trade_id": -1, "last_trade_id": -1}
    ours, theirs = [
        [replace(candle, **more) for candle in (first, second)]  # type: ignore[arg-type]
        for more in ({}, official | {"price_variation_e16": None})
    ]

    with world.sinks():
        for topic, candles in ((topics.CANDLES, ours), (topics.KLINES, theirs)):
            newest = f"SELECT max(revision) FROM {table_of(topic).name} WHERE symbol = 'REVISED'"  # noqa: S608 - our own
            for revision, candle in enumerate(candles, 1):
                world.send(topic, "REVISED", encode(candle))
                eventually(lambda q=newest, r=revision: world.number(q) == r)  # type: ignore[misc]

    kept = "SELECT source, revision, close FROM candle_revisions WHERE symbol = 'REVISED'"
    rows = world.client.query(f"{kept} ORDER BY source").result_rows
    assert rows == [("rest", 1, 101), ("trades", 1, 101)]


def letters_written(world: World) -> int:
    """How many records the topic of dead letters has taken."""
    consumer = Consumer({"bootstrap.servers": world.kafka.bootstrap, "group.id": "test"})
    places = [TopicPartition(topics.DEAD_LETTERS.name, partition) for partition in range(4)]
    ends = [consumer.get_watermark_offsets(place)[1] for place in places]
    consumer.close()
    return sum(ends)


def dead_letters(world: World, key: str) -> list[bytes]:
    """The dead letters of the one kind that the messages of a key hold, in their order."""
    letters = []
    consumer = Consumer({"bootstrap.servers": world.kafka.bootstrap, "group.id": "test"})
    for partition in range(4):
        place = TopicPartition(topics.DEAD_LETTERS.name, partition)
        low, high = consumer.get_watermark_offsets(place)
        consumer.assign([TopicPartition(place.topic, partition, low)])
        letters += consumer.consume(high - low, DEADLINE_S) if high > low else []
    consumer.close()
    found = [read_letter(message.value(), message.headers()) for message in letters]
    found.sort(key=lambda letter: letter.origin.offset)
    origins = [letter.origin for letter in found]
    assert all(o.topic == topics.GAPS.name and o.reason and o.offset >= 0 for o in origins)
    assert {(o.reader, o.key) for o in origins} <= {(READER, b"POISON"), (READER, b"REFUSED")}
    return [one.value for one in found if (key == "REFUSED") == ("refuses" in one.origin.reason)]


def test_a_newer_contract_stops_its_partition_alone_and_is_not_passed(world: World) -> None:
    topic = replace(topics.CANDLES, name="future")
    create_topics(KafkaSettings(bootstrap_servers=world.kafka.bootstrap, partitions=2), (topic,))
    good = message_of(replace(a_candle(), symbol="FUTURE"))
    newer = b"\x00\x7f\x00\x00\x01" + good.value[5:]
    for partition, value, contract in (
        (0, good.value, b"candle.v1"),
        (0, newer, b"candle.v2"),
        (0, good.value, b"candle.v1"),
        (1, good.value, b"candle.v1"),
        (1, good.value, b"candle.v1"),
    ):
        headers = [("contract", contract)]
        world.producer.produce(topic.name, value, good.key, partition, headers=headers)
    assert world.producer.flush(DEADLINE_S) == 0
    table = replace(table_of(topics.CANDLES), topic=topic)

    def route(table: Table, *, partition: int) -> Delivery:
        return Delivery(table, "id", partition, world.store, Nobody())

    for _ in range(2):
        consumer = sink_consumer(
            world.kafka.settings, instance="1", fetch_wait_ms=100, group="future"
        )
        drain = Drain(consumer, (table,), route)
        done = Countdown(lambda d=drain: d.standing() == {("future", 0)}, rounds=8)
        drain.run(done)
    places = [TopicPartition("future", 0), TopicPartition("future", 1)]
    reader = Consumer({"bootstrap.servers": world.kafka.bootstrap, "group.id": "future"})
    committed = committed_offsets(reader, places)
    reader.close()
    assert committed == [1, 2]


@dataclass
class Countdown:
    """Says stop some rounds after a condition has come true."""

    condition: Callable[[], bool]
    rounds: int

    def __call__(self) -> bool:
        self.rounds -= self.condition()
        return self.rounds < 0


def test_a_record_too_large_or_of_no_contract_is_a_letter_and_the_rest_is_stored(
    world: World,
) -> None:
    giant, foreign = b"\x05" + random.Random(5).randbytes(1_020_000), b"\0\0\0\0\1abc"
    big = Producer({"bootstrap.servers": world.kafka.bootstrap, "message.max.bytes": 2_000_000})
    for value in (giant, foreign):
        big.produce(topics.HOLES.name, value, b"GIANT")
    assert big.flush(DEADLINE_S) == 0
    close_ms = START_MS + MINUTE_MS
    hole = Hole("GIANT", "1m", START_MS, close_ms, "official", 1, 2, -1, -1, START_MS, "")
    world.send(topics.HOLES, "GIANT", encode(hole))

    with world.sinks() as process:
        eventually(lambda: rows_of(world, table_of(topics.HOLES), "GIANT") == 1)
        assert process.poll() is None
    assert consumed(world, topics.HOLES.name) == [
        (len(giant), hashlib.sha256(giant).hexdigest(), giant[:LARGEST_VALUE]),
        (len(foreign), hashlib.sha256(foreign).hexdigest(), foreign),
    ]


def test_a_sink_that_is_shut_out_of_its_group_leaves_to_be_started_again(world: World) -> None:
    with world.sinks() as first:
        world.send(topics.TRADES, "FENCED", *blocks("FENCED", 1, 5))
        eventually(lambda: is_stored_once(world, "FENCED", 5 * BLOCK))
        with world.sinks() as second:
            eventually(lambda: first.poll() is not None)
            world.send(topics.TRADES, "FENCED", *blocks("FENCED", 51, 5))
            eventually(lambda: is_stored_once(world, "FENCED", 10 * BLOCK))
            assert second.poll() is None
    assert first.returncode == START_ME_AGAIN


@pytest.mark.parametrize(
    "pause_s", [8.0, *(pytest.param(s, marks=pytest.mark.slow) for s in (5.0, 15.0, 40.0, 120.0))]
)
@pytest.mark.parametrize("frozen", ["kafka", "sink"])
def test_a_pause_of_a_server_or_of_the_sink_loses_and_repeats_nothing(
    world: World, frozen: str, pause_s: float
) -> None:
    symbol = f"PAUSE{frozen.upper()}{pause_s:.0f}"
    with supervised(world) as sink:
        world.send(topics.TRADES, symbol, *blocks(symbol, 1, 50))
        eventually(lambda: is_stored_once(world, symbol, 50 * BLOCK))
        pid = world.kafka.pid if frozen == "kafka" else sink.pid
        world.send(topics.TRADES, symbol, *blocks(symbol, 501, 50))
        with paused(pid):
            passed(pause_s)
        world.send(topics.TRADES, symbol, *blocks(symbol, 1001, 50))
        eventually(lambda: is_stored_once(world, symbol, 150 * BLOCK))


@contextmanager
def paused(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def passed(seconds: float) -> None:
    """Let a pause last: it is time itself that is tried here."""
    assert not threading.Event().wait(seconds)


class Supervised:
    """The sink, started again when it leaves, as the stack does."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._process = world.start()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def _watch(self) -> None:
        while not self._ending.wait(0.1):
            if self._process.poll() is not None:
                finish(self._process)
                self._process = self._world.start()

    def end(self) -> None:
        self._ending.set()
        self._thread.join()
        finish(self._process)


@contextmanager
def supervised(world: World) -> Iterator[Supervised]:
    found = Supervised(world)
    try:
        yield found
    finally:
        found.end()


def consumed(world: World, topic: str) -> list[tuple[int, str, bytes]]:
    """Length, checksum and bytes of the dead letters of a topic."""
    with TopicReader(world.kafka.settings, "test") as reader:
        letters = [read_letter(m.value(), m.headers()) for m in reader.new(topics.DEAD_LETTERS)]
    mine = sorted((x for x in letters if x.origin.topic == topic), key=lambda x: x.origin.offset)
    return [(letter.length, letter.sha256, letter.value) for letter in mine]


def test_records_that_retention_removed_before_they_were_stored_are_told(world: World) -> None:
    topic = replace(topics.GAPS, name="aged")
    create_topics(KafkaSettings(bootstrap_servers=world.kafka.bootstrap, partitions=1), (topic,))
    table, told = replace(table_of(topics.GAPS), topic=topic), Heard()
    gaps = [encode(a_gap("AGED", i)) for i in range(7)]

    def drain_until(rows: int) -> None:
        consumer = sink_consumer(
            world.kafka.settings, instance="1", fetch_wait_ms=100, group="aged"
        )
        drain = Drain(
            consumer, (table,), lambda t, partition: Delivery(t, "id", partition, world.store, told)
        )
        drain.run(lambda: rows_of(world, table, "AGED") == rows)

    world.send(topic, "AGED", *gaps[:2])
    drain_until(2)
    world.send(topic, "AGED", *gaps[2:])
    admin = AdminClient({"bootstrap.servers": world.kafka.bootstrap})
    admin.delete_records([TopicPartition(topic.name, 0, 5)])[TopicPartition(topic.name, 0)].result()
    drain_until(4)

    assert [(origin.topic, origin.offset) for origin in told.origins] == [("aged", 2)]
    assert told.origins[0].reason.startswith("records 2 to 4 were removed by the topic's retention")


def test_a_batch_whose_end_kafka_has_lost_is_not_waited_for(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sinks.drain.PLAN_MS", 0)
    topic, door = replace(topics.GAPS, name="cut-off"), Door(is_open=True)
    create_topics(KafkaSettings(bootstrap_servers=world.kafka.bootstrap, partitions=1), (topic,))
    world.send(topic, "CUT", encode(a_gap("CUT", 1)))
    group = Consumer({"bootstrap.servers": world.kafka.bootstrap, "group.id": topic.name})
    group.commit(offsets=[TopicPartition(topic.name, 0, 0, "until 99")], asynchronous=False)
    group.close()

    consumer = sink_consumer(
        world.kafka.settings, instance="1", fetch_wait_ms=100, group=topic.name
    )
    until_s = time.monotonic() + DEADLINE_S
    Drain(consumer, (replace(table_of(topics.GAPS), topic=topic),), door).run(
        lambda: bool(door.passed) or time.monotonic() > until_s
    )

    assert door.passed == {(0, 0)}


@dataclass
class Heard:
    origins: list[Origin] = field(default_factory=list)

    def send(self, _raw: bytes, origin: Origin) -> None:
        self.origins.append(origin)


@dataclass
class Unwilling(Heard):
    is_willing: bool = False
    refusals: int = 0

    def send(self, raw: bytes, origin: Origin) -> None:
        if not self.is_willing:
            self.refusals += 1
            raise Transient("no letter now", retry_after_s=0.5)
        super().send(raw, origin)


class Nobody:
    def send(self, _raw: bytes, origin: Origin) -> None:
        raise AssertionError(origin.reason)


def never() -> bool:
    return False


def test_a_missing_table_or_column_is_a_mismatch(world: World) -> None:

    with pytest.raises(ContractMismatch, match="candlewick migrate"):
        insert(world.store, replace(table_of(topics.GAPS), name="nowhere"), b"x", "a")
    with pytest.raises(ContractMismatch, match="candlewick migrate"):
        insert(world.store, replace(table_of(topics.GAPS), columns=("nothing",)), b"x", "b")


def test_rows_that_are_cut_short_are_refused(world: World) -> None:
    with pytest.raises(PoisonMessage, match="refuses the rows"):
        insert(world.store, table_of(topics.GAPS), b"\x03abc\x01", "c")


def test_a_wrong_password_and_a_closed_port_say_what_to_do(world: World) -> None:
    table = table_of(topics.GAPS)
    wrong = settings_of(world.clickhouse).model_copy(update={"user": "nobody"})
    closed = settings_of(world.clickhouse).model_copy(update={"url": "http://127.0.0.1:9"})

    with pytest.raises(ConfigurationError, match="CANDLEWICK_CLICKHOUSE__PASSWORD"):
        insert(ClickHouse(wrong), table, b"", "d")
    with pytest.raises(Transient, match=r"127\.0\.0\.1:9"):
        insert(ClickHouse(closed), table, b"", "e")


def test_a_broker_that_does_not_answer_is_one_line_and_exit_code_1(world: World) -> None:
    kafka = replace(world.kafka, port=9)
    process = replace(world, kafka=kafka).start()

    _, said = process.communicate(timeout=DEADLINE_S)

    assert process.returncode == 1
    assert len(said.splitlines()) == 1
    assert "127.0.0.1:9" in said


def now_ms() -> int:
    return time.time_ns() // 1_000_000
