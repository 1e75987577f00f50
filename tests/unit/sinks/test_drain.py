"""The loop over records in memory: what fails holds up nothing else, and is not passed over."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from clients.process import Stall
from schemas import topics
from schemas.errors import RestartNeeded, Transient
from sinks.__main__ import STALL_S
from sinks.batches import Batch
from sinks.drain import Drain
from sinks.pauses import HELD_BYTES
from sinks.tables import TABLES, Table
from tests.support.builders import a_block, a_candle, a_trade
from tests.support.messages import Sent, sent

Place = tuple[str, int]
LARGE = Sent(b"BTCUSDT", b"\1" + bytes(250_000))
CANDLES, TRADES, LETTERS = topics.CANDLES.name, topics.TRADES.name, topics.DEAD_LETTERS.name


@dataclass(frozen=True)
class Read:
    """A record as a consumer gives it."""

    where: Place
    at: int
    what: Sent

    def __getattr__(self, name: str) -> Any:
        return getattr(self.what, name)

    def topic(self) -> str:
        return self.where[0]

    def partition(self) -> int:
        return self.where[1]

    def offset(self) -> int:
        return self.at

    def error(self) -> None:
        return None


@dataclass
class Records:
    """What waits in partitions, and what has been committed of it."""

    waiting: list[Read] = field(default_factory=list)
    committed_to: dict[Place, int] = field(default_factory=dict)
    paused: set[Place] = field(default_factory=set)
    plan: str = ""
    end: int = 0

    def put(self, topic: str, partition: int = 0, *, at: int = 0) -> None:
        record = a_candle() if topic == CANDLES else a_block([a_trade(1)])
        self.waiting.append(Read((topic, partition), at, sent(record)))

    def consume(self, _count: int, _wait_s: float) -> list[Read]:
        found, self.waiting = self.waiting, []
        return found

    def pause(self, places: Sequence[TopicPartition]) -> None:
        self.paused |= {(p.topic, p.partition) for p in places}

    def resume(self, places: Sequence[TopicPartition]) -> None:
        self.paused -= {(p.topic, p.partition) for p in places}

    def committed(self, places: Sequence[TopicPartition], timeout: float) -> list[TopicPartition]:
        del timeout
        return [TopicPartition(p.topic, p.partition, 0, self.plan) for p in places]

    def get_watermark_offsets(self, _place: TopicPartition, timeout: float) -> tuple[int, int]:
        del timeout
        return 0, self.end

    def commit(self, *, offsets: Sequence[TopicPartition], asynchronous: bool) -> None:
        assert not asynchronous
        self.committed_to |= {(p.topic, p.partition): p.offset for p in offsets}


@dataclass
class Endless(Records):
    """Large records without end, of every partition that is not paused in its turn."""

    offsets: dict[Place, int] = field(default_factory=dict)
    largest_poll: int = 0

    def consume(self, count: int, _wait_s: float) -> list[Read]:
        found: list[Read] = []
        places = [place for place in self.offsets if place not in self.paused]
        for place in places * (count // len(places) if places else 0):
            found.append(Read(place, self.offsets[place], LARGE))
            self.offsets[place] += 1
        self.largest_poll = max(self.largest_poll, len(found) * len(LARGE.raw or b""))
        return found


@dataclass
class Ways:
    """Deliveries into tables, some of which cannot be written."""

    unwritable: set[Place]
    tried: list[Place] = field(default_factory=list)
    delivered: list[Place] = field(default_factory=list)
    lasts_ms: int = 0
    now_ms: int = 0

    def __call__(self, table: Table, *, partition: int) -> Any:
        return Way(self, (table.topic.name, partition))


@dataclass
class Way:
    ways: Ways
    place: Place

    def deliver(self, _batch: Batch) -> None:
        self.ways.tried.append(self.place)
        self.ways.now_ms += self.ways.lasts_ms
        if self.place in self.ways.unwritable:
            raise Transient(f"{self.place} cannot be written", retry_after_s=0.0)
        self.ways.delivered.append(self.place)


@dataclass
class Running:
    """A loop whose clock goes on by a second a step."""

    ways: Ways
    records: Records = field(default_factory=Records)
    now_ms: int = 10_000

    def __post_init__(self) -> None:
        self.drain = Drain(self.records, TABLES, self.ways)  # type: ignore[arg-type] # its calls
        names = (CANDLES, TRADES, LETTERS)
        places = [TopicPartition(name, partition) for name in names for partition in range(3)]
        self.drain._assigned(self.records, places)  # type: ignore[arg-type] # likewise

    def step(self, times: int = 1) -> None:
        for _ in range(times):
            self.now_ms += 1_000
            self.drain._step(self.now_ms)


@pytest.mark.parametrize("unwritable", [CANDLES, TRADES])
def test_a_table_that_cannot_be_written_does_not_hold_up_the_others(unwritable: str) -> None:
    every = {(unwritable, partition) for partition in range(3)}
    running = Running(Ways(every))
    other = TRADES if unwritable == CANDLES else CANDLES
    for topic in (unwritable, other):
        for partition in range(3):
            running.records.put(topic, partition)

    running.step(3)

    assert set(running.ways.delivered) == {(other, partition) for partition in range(3)}
    assert {running.records.committed_to[place] for place in every} == {0}


def test_a_partition_that_cannot_be_written_does_not_hold_up_others_of_its_table() -> None:
    running = Running(Ways({(TRADES, 0), (TRADES, 1)}))
    for partition in range(3):
        running.records.put(TRADES, partition)

    running.step(4)

    assert running.ways.delivered == [(TRADES, 2)]
    assert running.records.committed_to == {(TRADES, 0): 0, (TRADES, 1): 0, (TRADES, 2): 1}


def test_all_that_cannot_be_written_are_tried_in_turn() -> None:
    places = [(CANDLES, 0), (CANDLES, 1), (TRADES, 0)]
    running = Running(Ways(set(places)))
    for place in places:
        running.records.put(*place)

    running.step(9)

    assert set(running.ways.tried[-4:]) == set(places)


def test_what_can_be_written_again_comes_first_again() -> None:
    running = Running(Ways({(CANDLES, 0)}))
    running.records.put(CANDLES)
    running.step(2)
    running.ways.unwritable.clear()
    running.step(2)
    assert running.records.committed_to[CANDLES, 0] == 1

    running.records.put(TRADES)
    running.records.put(CANDLES, at=1)
    running.step(6)

    assert running.ways.delivered[-2:] == [(CANDLES, 0), (TRADES, 0)]


def test_what_takes_minutes_is_committed_in_parts_and_holds_nothing_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ways = Ways(set(), lasts_ms=40_000)
    running = Running(ways)
    monkeypatch.setattr("sinks.drain._now_ms", lambda: ways.now_ms)
    places = [(topic, partition) for topic in (CANDLES, TRADES) for partition in range(3)]
    for place in places:
        running.records.put(*place)
    running.step()

    for offset in range(1, 4):
        for partition in range(3):  # so that the candles are always due, and they come first
            running.records.put(CANDLES, partition, at=offset)
        running.step()
        assert len(ways.delivered) == 2 * offset

    assert set(ways.delivered) == set(places)
    assert all(running.records.committed_to[place] > 0 for place in places)


def test_a_table_that_failed_once_is_stored_while_others_take_minutes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ways = Ways({(TRADES, 0)}, lasts_ms=40_000)
    running = Running(ways)
    monkeypatch.setattr("sinks.drain._now_ms", lambda: ways.now_ms)
    running.records.put(TRADES)
    running.step(6)
    assert ways.tried
    for partition in range(3):
        running.records.put(CANDLES, partition)
    running.drain._step(running.now_ms)  # no time has passed, so that they are due when they end
    ways.unwritable.clear()

    for offset in range(1, 6):
        for topic in (CANDLES, LETTERS):  # always more than one attempt has time for
            for partition in range(3):
                running.records.put(topic, partition, at=offset)
        running.step()

    assert (TRADES, 0) in ways.delivered


def test_what_waits_while_nothing_can_be_written_is_bounded_for_all_partitions_together() -> None:
    places = [(topic, partition) for topic in (CANDLES, TRADES, LETTERS) for partition in range(3)]
    records = Endless(offsets=dict.fromkeys(places, 0))
    running = Running(Ways(set(places)), records)
    pending = running.drain._pending

    running.step(40)

    assert sum(one.memory for one in pending.values()) < HELD_BYTES + 2 * records.largest_poll
    running.ways.unwritable.clear()
    before = dict(records.offsets)
    running.step(20)
    assert all(records.offsets[place] > before[place] for place in places)


def test_a_table_that_cannot_be_written_for_long_does_not_take_the_room_of_the_others() -> None:
    places = [(topic, partition) for topic in (CANDLES, TRADES, LETTERS) for partition in range(3)]
    records = Endless(offsets=dict.fromkeys(places, 0))
    ways = Ways({place for place in places if place[0] != CANDLES})
    running = Running(ways, records)
    running.step(60)
    before = dict(records.committed_to)

    running.step(20)

    for partition in range(3):
        assert records.committed_to[CANDLES, partition] > before[CANDLES, partition]
    held = sum(one.memory for one in running.drain._pending.values())
    assert HELD_BYTES <= held < 2 * HELD_BYTES


def test_partition_that_has_not_reached_the_end_of_its_plan_is_read_on() -> None:
    places = [(topic, partition) for topic in (CANDLES, TRADES, LETTERS) for partition in range(3)]
    records = Endless(offsets=dict.fromkeys(places, 0), plan="until 120")
    running = Running(Ways(set()), records)

    running.step(30)

    assert all(records.committed_to[place] > 120 for place in places)


def test_what_is_read_now_is_told_but_for_what_is_paused_and_while_nobody_reads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    running = Running(Ways(set()))
    monkeypatch.setattr("sinks.drain._now_ms", lambda: running.now_ms)
    running.records.put(CANDLES, at=7)
    running.step()
    place, other, stopped = (CANDLES, 0), (CANDLES, 1), (TRADES, 2)
    running.drain._pauses.stop(stopped)

    told = running.drain.read_to()

    assert (told[place], told[other]) == (7, -1)
    assert stopped not in told
    running.now_ms += 60_000  # a delivery lasts
    assert running.drain.read_to() == {}


def test_while_more_was_read_than_is_taken_at_once_no_partition_counts_as_unread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    running = Running(Ways(set()))
    monkeypatch.setattr("sinks.drain._now_ms", lambda: running.now_ms)
    for offset in range(running.drain._appetite):
        running.records.put(CANDLES, at=offset)
    running.step()
    assert running.drain.read_to() == {}

    running.step()
    assert running.drain.read_to()[CANDLES, 0] > 0


def test_partitions_of_which_kafka_does_not_tell_what_was_committed_end_the_process_for_a_new_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    running = Running(Ways(set()))

    def committed(_places: object, timeout: float) -> list[TopicPartition]:
        assert timeout < 30
        raise KafkaException(KafkaError(KafkaError._TIMED_OUT))

    monkeypatch.setattr(running.records, "committed", committed)

    with pytest.raises(RestartNeeded):
        running.drain._assigned(running.records, [TopicPartition(TRADES, 0)])  # type: ignore[arg-type] # its calls


@pytest.mark.parametrize(("end", "stored"), [(2, [(TRADES, 0)]), (100, [])])
def test_a_plan_is_waited_for_as_long_as_its_end_is_in_the_log(
    end: int, stored: list[Place]
) -> None:
    running = Running(Ways(set()), Records(plan="until 99", end=end))
    for offset in range(2):
        running.records.put(TRADES, at=offset)

    running.step(15)
    assert running.ways.delivered == []
    running.step(60)

    assert running.ways.delivered == stored


def test_a_plan_that_lost_its_end_is_forgotten_before_the_process_is_taken_for_stuck() -> None:
    running, stall, ended = Running(Ways(set()), Records(plan="until 99", end=1)), Stall(STALL_S), 0

    def attempted() -> None:
        nonlocal ended
        ended += 1

    running.drain.attempted = attempted
    running.records.put(TRADES)

    for _ in range(90):
        running.step()
        now_s = running.now_ms / 1_000
        waits = not running.ways.delivered
        assert not stall.is_there(attempts=ended, input_waits=waits, now_s=now_s)

    assert running.ways.delivered == [(TRADES, 0)]
