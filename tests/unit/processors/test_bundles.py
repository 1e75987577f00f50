"""Which records of a poll come together as one message, and what is committed of them."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, cast

import pytest
from faust.transport.consumer import Consumer
from faust.types import TP

from processors.runtime.bundles import Bundle, BundlingConsumer, BundlingScheduler
from processors.runtime.pace import Pace

FIRST, SECOND, OTHER = TP("trades", 0), TP("trades", 1), TP("changelog", 0)
LATER_S = time.monotonic() + 3600


@dataclass(frozen=True, slots=True)
class Record:
    topic: str
    partition: int
    offset: int
    value: bytes = b""


def records(tp: TP, *offsets: int) -> list[Record]:
    return [Record(tp.topic, tp.partition, offset) for offset in offsets]


def a_consumer() -> Any:
    consumer = cast("Any", object.__new__(BundlingConsumer))
    consumer._bundled = frozenset(["trades"])
    consumer._pace, consumer._sought = Pace(gather_s=0.0), {}
    consumer._read_offset = {FIRST: None, SECOND: None}
    consumer._acked = {FIRST: [], SECOND: []}
    consumer._acked_index = {FIRST: set(), SECOND: set()}
    return consumer


def offsets_of(patch: pytest.MonkeyPatch, consumer: Any, found: Sequence[Record]) -> list[int]:
    """The offsets in the bundle that comes of a poll."""

    async def getmany(_self: object, _timeout: float) -> AsyncIterator[tuple[TP, Any]]:
        yield FIRST, Bundle(FIRST, [*found], generation=1)

    async def bundles() -> list[Any]:
        return [bundle async for _, bundle in consumer.getmany(1.0)]

    patch.setattr(Consumer, "getmany", getmany)
    return [record.offset for bundle in asyncio.run(bundles()) for record in bundle.records]


def test_records_of_a_bundled_topic_come_at_once_and_others_one_by_one() -> None:
    scheduler = BundlingScheduler(frozenset(["trades"]), lambda tp: tp != SECOND)
    third = TP("trades", 2)
    found = {
        FIRST: records(FIRST, 4, 5),
        OTHER: records(OTHER, 7, 8),
        SECOND: records(SECOND, 1),  # it is not read any more
        third: records(third, 9),
    }
    bundle, *single = scheduler.iterate(found)

    assert bundle == (FIRST, [*found[FIRST], *found[third]])
    assert single == [(OTHER, record) for record in found[OTHER]]


def test_a_bundle_leaves_out_what_was_read_before(monkeypatch: pytest.MonkeyPatch) -> None:
    consumer = a_consumer()
    consumer._read_offset = {FIRST: 5, SECOND: 2}
    found = [*records(FIRST, 3, 4, 6), *records(SECOND, 3)]

    assert offsets_of(monkeypatch, consumer, found) == [6, 3]
    assert consumer._read_offset == {FIRST: 6, SECOND: 3}


def test_a_bundle_leaves_out_what_was_under_way_before_a_partition_was_sought(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    consumer = a_consumer()
    consumer._sought = {FIRST: (7, LATER_S)}
    consumer._read_offset = {FIRST: 7, SECOND: 20}

    before = [*records(FIRST, 20, 21), *records(SECOND, 21)]
    assert offsets_of(monkeypatch, consumer, before) == [21]
    after = [*records(FIRST, 7, 8), *records(SECOND, 22)]
    assert offsets_of(monkeypatch, consumer, after) == [7, 8, 22]
    assert consumer._sought == {}


def test_a_poll_of_nothing_new_makes_no_bundle(monkeypatch: pytest.MonkeyPatch) -> None:
    consumer = a_consumer()
    consumer._read_offset = {FIRST: 9, SECOND: None}

    assert offsets_of(monkeypatch, consumer, records(FIRST, 3, 4)) == []


def test_what_is_stored_is_committed_whatever_is_acknowledged() -> None:
    consumer = a_consumer()
    kept = {FIRST: 12}
    consumer.app = SimpleNamespace(keeper=SimpleNamespace(kept=kept.get))
    consumer._acked = {FIRST: [13, 14], SECOND: [3]}
    consumer._acked_index = {FIRST: {13, 14}, SECOND: {3}}

    assert [consumer._new_offset(tp) for tp in (FIRST, SECOND)] == [12, None]
    assert consumer._acked == {FIRST: [], SECOND: []}


def test_much_is_read_soon_and_little_gathers_first() -> None:
    pace = Pace(gather_s=0.1)
    assert pace.wait_s(5.0) == 0.0  # nothing has been read yet

    pace.polled(500, 5.0)
    assert pace.wait_s(5.0) == pytest.approx(0.1)
    assert pace.wait_s(5.2) == 0.0
    for tick in range(40):  # a busy market: two polls a tick, of which the first brings little
        pace.polled(300, 6.0 + tick * 0.05)
        pace.polled(8_000, 6.0 + tick * 0.05 + 0.01)
    assert pace.wait_s(6.0 + 39 * 0.05 + 0.01) == pytest.approx(0.01)
    for tick in range(30):
        pace.polled(500, 8.0 + tick * 0.1)
    assert pace.wait_s(8.0 + 29 * 0.1) == pytest.approx(0.1)


def test_a_backlog_is_read_without_a_pause_from_its_first_poll_on() -> None:
    pace = Pace(gather_s=0.1)
    pace.polled(4_000_000, 5.0)

    assert pace.wait_s(5.0) == pytest.approx(0.01)
