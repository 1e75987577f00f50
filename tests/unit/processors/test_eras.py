"""Ids that begin again: the candles of both eras are right, and the seam is told."""

from collections.abc import Sequence
from dataclasses import replace

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.candles.state_record import dump_record, load_record
from schemas.market import Candle, CandleStatus, TradeBlock
from tests.support.builders import MINUTE_MS, START_MS, a_block, a_trade, newest_revisions
from tests.support.reducer import RULES, Candles, Reducer, heartbeat

NEW_PRICE_E8 = 9 * 10**8


def old_era(minutes: int, *, first_agg_id: int = 1_000) -> list[TradeBlock]:
    """Blocks of one trade, each twenty seconds after the other, at the price of 100."""
    times = range(START_MS, START_MS + minutes * MINUTE_MS, 20_000)
    return [
        a_block([a_trade(first_agg_id + i, event_ms=event_ms)]) for i, event_ms in enumerate(times)
    ]


def new_era(from_ms: int, minutes: int, *, first_agg_id: int = 0, era: int = 1) -> list[TradeBlock]:
    times = range(from_ms, from_ms + minutes * MINUTE_MS, 20_000)
    trades = [
        a_trade(first_agg_id + i, event_ms=event_ms, price_e8=NEW_PRICE_E8)
        for i, event_ms in enumerate(times)
    ]
    return [replace(a_block([trade]), era=era) for trade in trades]


def minutes_of(candles: Candles) -> dict[int, Candle]:
    return {open_ms: one for (_, interval, open_ms), one in candles.items() if interval == "1m"}


def statuses(reducer: Reducer) -> dict[int, str]:
    found = minutes_of(reducer.candles())
    return {(ms - START_MS) // MINUTE_MS: found[ms].status for ms in sorted(found)}


@pytest.mark.parametrize("first_agg_id", [0, 1_003, 2_000])
@pytest.mark.parametrize("days", [0, 20])
def test_both_eras_have_their_candles_and_nothing_between_them_is_quiet(
    first_agg_id: int, days: int
) -> None:
    begun_ms = START_MS + days * 24 * 60 * MINUTE_MS + 3 * MINUTE_MS
    old, new = old_era(3), new_era(begun_ms, 4, first_agg_id=first_agg_id)

    reducer = Reducer().take_all([*old, *new])

    begun = (begun_ms - START_MS) // MINUTE_MS
    assert statuses(reducer) == {
        0: "gapped",
        1: "complete",
        2: "gapped",  # nothing proves that these are all
        begun: "gapped",
        begun + 1: "complete",
        begun + 2: "complete",
    }
    candles = minutes_of(reducer.candles())
    assert {c.close_e8 for c in candles.values() if c.open_ms < begun_ms} == {100 * 10**8}
    assert {c.close_e8 for c in candles.values() if c.open_ms >= begun_ms} == {NEW_PRICE_E8}
    assert [c.trade_count for c in candles.values()] == [3] * 6
    assert reducer.refused == []


def test_a_minute_in_which_the_era_changes_is_of_the_new_one_and_gapped() -> None:
    old = old_era(2)[:-1]  # until 1:20
    new = new_era(START_MS + MINUTE_MS + 40_000, 2)

    reducer = Reducer().take_all([*old, *new])

    seam = [c for c in reducer.closed if c.interval == "1m" and c.open_ms == START_MS + MINUTE_MS]
    assert [c.status for c in seam] == ["gapped", "gapped"]
    assert [c.close_e8 for c in seam] == [100 * 10**8, NEW_PRICE_E8]
    assert [c.trade_count for c in seam] == [2, 1]
    assert seam[0].revision < seam[1].revision


def test_what_was_proven_before_the_new_era_stays_complete() -> None:
    closed = [*old_era(2), heartbeat(1_006, START_MS + 4 * MINUTE_MS + RULES.lateness_ms)]

    reducer = Reducer().take_all([*closed, *new_era(START_MS + 10 * MINUTE_MS, 2)])

    assert statuses(reducer) == {0: "gapped", 1: "complete", 2: "quiet", 3: "quiet", 10: "gapped"}


def test_one_record_of_a_later_era_begins_none() -> None:
    old = old_era(4)
    stray = new_era(START_MS + 2 * MINUTE_MS, 1)[0]

    reducer = Reducer().take_all([*old[:6], stray, *old[6:]])

    assert [block.era for block in reducer.refused] == [1]
    assert reducer.candles() == Reducer().take_all(old).candles()


def test_blocks_of_an_earlier_era_that_come_late_are_refused_and_change_nothing() -> None:
    old, new = old_era(3), new_era(START_MS + 5 * MINUTE_MS, 4)

    reducer = Reducer().take_all([*old[:8], *new[:6], old[8], *new[6:]])

    assert [(block.era, block.first_agg_id) for block in reducer.refused] == [(0, 1_008)]
    assert reducer.candles() == Reducer().take_all([*old[:8], *new]).candles()


def test_blocks_of_an_earlier_era_that_are_read_again_change_nothing() -> None:
    old, new = old_era(3), new_era(START_MS + 5 * MINUTE_MS, 4)
    reducer = Reducer().take_all([*old, *new[:6]])

    for offset, block in enumerate(old):
        reducer.take(block, offset=offset)
    reducer.take_all(new[6:])

    assert reducer.refused == []
    assert reducer.candles() == Reducer().take_all([*old, *new]).candles()


def test_a_producer_that_has_lost_count_of_eras_is_believed_after_some_blocks() -> None:
    second = new_era(START_MS, 3, era=2)
    lost = new_era(START_MS + 5 * MINUTE_MS, 4, first_agg_id=9)

    reducer = Reducer().take_all([*second, *lost])

    assert reducer.refused == []
    assert [statuses(reducer)[minute] for minute in (6, 7)] == ["complete"] * 2
    assert reducer.record is not None
    assert reducer.record.state.era == 1


def test_two_newer_blocks_of_an_earlier_era_are_told_once_the_later_one_goes_on() -> None:
    old, new = old_era(9), new_era(START_MS + 2 * MINUTE_MS, 6)

    reducer = Reducer().take_all([*old[:4], *new[:3], *old[20:22], *new[3:]])

    assert [block.era for block in reducer.refused] == [0, 0]
    assert reducer.candles() == Reducer().take_all([*old[:4], *new]).candles()


@given(st.lists(st.integers(1, 4), min_size=1, max_size=4), st.data())
def test_however_eras_follow_and_blocks_are_cut_no_trade_is_lost_or_counted_twice(
    sizes: Sequence[int], data: st.DataObject
) -> None:
    reducer, began_ms, first = Reducer(), START_MS, 500
    for era, minutes in enumerate(sizes):
        blocks = new_era(began_ms, minutes + 2, first_agg_id=first, era=era)
        reducer.take_all(blocks)
        again = data.draw(st.integers(0, len(blocks)))
        for offset in range(again):  # the worker reads again what it has folded
            reducer.take(blocks[offset], offset=offset)
        began_ms += (minutes + 2) * MINUTE_MS
        first = data.draw(st.integers(0, 1_000))

    told = minutes_of(newest_revisions(reducer.closed)).values()
    assert {c.trade_count for c in told} == {3}
    assert sum(c.status == CandleStatus.COMPLETE for c in told) == sum(sizes)
    assert len(told) == sum(sizes) + 2 * len(sizes) - 1


def test_a_state_of_the_version_before_eras_is_of_era_zero() -> None:
    reducer = Reducer().take_all(old_era(2))
    assert reducer.record is not None
    _version, offset, state, *rest = orjson.loads(dump_record(reducer.record))

    old = load_record(orjson.dumps([3, offset, state[:12], *rest]))

    assert old == reducer.record
