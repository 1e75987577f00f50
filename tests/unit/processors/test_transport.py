"""Which records a worker gets after it has asked to read a partition again."""

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest
from faust.transport.consumer import Consumer
from faust.types import TP
from intervaltree import IntervalTree

from processors.runtime.transport import CarefulConsumer

PLACE, OTHER = TP("trades", 0), TP("trades", 1)
LATER_S, EARLIER_S = time.monotonic() + 3600, time.monotonic() - 1


def delivered(
    patch: pytest.MonkeyPatch, fetched: Sequence[tuple[TP, int]], *, sought: int, until_s: float
) -> list[tuple[TP, int]]:
    """What comes of fetched records while a seek to an offset of `PLACE` is under way."""

    async def getmany(_self: object, _timeout: float) -> AsyncIterator[tuple[TP, Any]]:
        for tp, offset in fetched:
            yield tp, SimpleNamespace(offset=offset)

    async def all_of_them() -> list[tuple[TP, int]]:
        return [(tp, message.offset) async for tp, message in consumer.getmany(1.0)]

    patch.setattr(Consumer, "getmany", getmany)
    consumer = cast("Any", object.__new__(CarefulConsumer))
    consumer._sought, consumer._read_offset = {PLACE: (sought, until_s)}, {PLACE: 99}
    return asyncio.run(all_of_them())


def test_records_under_way_are_left_out_until_the_sought_one_comes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fetched = [(PLACE, 20), (OTHER, 5), (PLACE, 21), (PLACE, 7), (PLACE, 8), (PLACE, 9)]

    assert delivered(monkeypatch, fetched, sought=7, until_s=LATER_S) == [
        (OTHER, 5),
        (PLACE, 7),
        (PLACE, 8),
        (PLACE, 9),
    ]


def test_nothing_is_committed_over_a_record_that_a_new_assignment_dropped() -> None:
    consumer = cast("Any", object.__new__(CarefulConsumer))
    consumer._standing, consumer._sought = {}, {}
    consumer._gap, consumer._committed_offset = defaultdict(IntervalTree), defaultdict(lambda: None)
    consumer._acked, consumer._acked_index = defaultdict(list), defaultdict(set)
    waiting = SimpleNamespace(tp=PLACE, offset=5, acked=False)
    consumer._unacked_messages = [waiting]
    consumer._acked[PLACE].append(6)
    consumer._acked_index[PLACE].add(6)
    assert consumer._new_offset(PLACE) is None

    consumer.move_on()
    consumer._unacked_messages.clear()

    assert consumer._new_offset(PLACE) is None


def test_a_sought_record_that_never_comes_holds_up_nothing_for_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fetched = [(PLACE, 20), (PLACE, 21)]

    assert delivered(monkeypatch, fetched, sought=7, until_s=EARLIER_S) == fetched
