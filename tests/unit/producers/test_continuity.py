"""Whatever connections drop, repeat and reorder: each trade once, in order, nothing silently."""

from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.trades.continuity import PATIENCE_MS, TRY_MS, Continuity
from producers.trades.gaps import FEW_TRADES
from producers.trades.packing.blocks import leading_run
from schemas.market import JITTER_MS, Gap, GapState, Trade
from tests.support.builders import START_MS, a_trade

GIVE_UP_MS = 60_000
LIMIT = 1_000
LONGEST_MS = 86_400_000


@dataclass(slots=True)
class Follower:
    """A continuity with a clock that a test turns by hand, and what it published."""

    first_id: int | None = 1
    limit: int = LIMIT
    now_ms: int = 0
    published: list[Trade | Gap] = field(default_factory=list)
    core: Continuity = field(init=False)

    def __post_init__(self) -> None:
        self.core = Continuity(
            "BTCUSDT", limit=self.limit, give_up_ms=GIVE_UP_MS, longest_ms=LONGEST_MS
        )
        if self.first_id is not None:
            self.core.start(self.first_id, now_ms=0)

    def hear(self, *ids: int) -> None:
        for agg_id in ids:
            self.core.offer(a_trade(agg_id), self.now_ms)

    def fill(self, *ids: int) -> None:
        self.core.fill([a_trade(agg_id) for agg_id in ids], self.now_ms)

    def wait(self, milliseconds: int) -> None:
        self.now_ms += milliseconds
        self.core.advance(self.now_ms)

    def publish(self, count: int | None = None) -> None:
        taken = self.core.ready[:count]
        self.published += taken
        self.core.taken(len(taken), self.now_ms)

    @property
    def ids(self) -> list[int]:
        self.publish()
        return [one.agg_id for one in self.published if isinstance(one, Trade)]

    @property
    def events(self) -> list[tuple[str, int, int]]:
        self.publish()
        return [
            (one.state, one.first_agg_id, one.last_agg_id)
            for one in self.published
            if isinstance(one, Gap)
        ]


def test_trades_in_order_pass_at_once() -> None:
    follower = Follower()

    follower.hear(1, 2, 3)

    assert follower.ids == [1, 2, 3]
    assert follower.core.settled


def test_second_connection_adds_nothing() -> None:
    follower = Follower()

    follower.hear(1, 1, 2, 1, 2, 3)

    assert follower.ids == [1, 2, 3]
    assert follower.core.take_counts() == (3, 0)


def test_newer_trades_wait_until_the_hole_is_filled_and_both_events_stand_before_them() -> None:
    follower = Follower()
    follower.hear(1, 4, 5)
    follower.wait(PATIENCE_MS)

    assert follower.ids == [1]
    assert follower.core.wanted == 2
    follower.fill(2, 3, 4)

    assert follower.ids == [1, 2, 3, 4, 5]
    assert follower.events == [(GapState.FOUND, 2, 3), (GapState.REPAIRED, 2, 3)]
    kinds = [one.state if isinstance(one, Gap) else one.agg_id for one in follower.published]
    assert kinds == [1, GapState.FOUND, 2, 3, GapState.REPAIRED, 4, 5]


def test_trades_that_overtake_each_other_are_no_gap() -> None:
    follower = Follower()

    follower.hear(2, 1, 4, 3)
    follower.wait(PATIENCE_MS)

    assert follower.ids == [1, 2, 3, 4]
    assert follower.events == []


def test_rest_behind_the_stream_is_asked_again_from_where_it_stopped() -> None:
    follower = Follower()
    follower.hear(5)
    follower.wait(PATIENCE_MS)

    follower.fill(1, 2)

    assert follower.core.wanted == 3
    follower.fill()
    assert follower.core.wanted == 3
    follower.fill(3, 4)
    assert follower.ids == [1, 2, 3, 4, 5]


def test_hole_that_cannot_be_filled_is_given_up_and_the_rest_goes_on() -> None:
    follower = Follower()
    follower.hear(1, 4, 7)
    follower.wait(PATIENCE_MS)
    follower.fill(2)

    follower.wait(GIVE_UP_MS)
    follower.wait(PATIENCE_MS)
    follower.wait(GIVE_UP_MS)

    assert follower.ids == [1, 2, 4, 7]
    assert (GapState.GIVEN_UP, 2, 3) in follower.events
    assert (GapState.GIVEN_UP, 5, 6) in follower.events


def test_hole_that_waited_behind_one_that_was_given_up_is_asked_for_first() -> None:
    follower = Follower()
    follower.hear(1, 4, 7)
    follower.wait(PATIENCE_MS)

    follower.wait(GIVE_UP_MS)
    assert follower.ids == [1, 4]
    assert follower.core.wanted == 5
    follower.fill(5, 6)

    assert follower.ids == [1, 4, 5, 6, 7]
    assert (GapState.GIVEN_UP, 2, 3) in follower.events
    assert (GapState.GIVEN_UP, 5, 6) not in follower.events


def test_holes_behind_one_that_was_given_up_do_not_wait_as_long_again() -> None:
    follower = Follower()
    follower.hear(1, 4, 7, 10)
    follower.wait(PATIENCE_MS)

    follower.wait(GIVE_UP_MS)
    follower.wait(TRY_MS)
    follower.wait(TRY_MS)

    assert follower.ids == [1, 4, 7, 10]


def test_hole_that_is_being_filled_is_not_given_up() -> None:
    follower = Follower()
    follower.hear(10)

    for agg_id in range(1, 10):
        follower.wait(GIVE_UP_MS - 1)
        follower.fill(agg_id)

    assert follower.ids == list(range(1, 11))
    assert (GapState.GIVEN_UP, 1, 9) not in follower.events


def test_what_is_too_long_ago_is_given_up_and_never_asked_for() -> None:
    follower = Follower(first_id=None)
    follower.core.start(2, now_ms=0, after_ms=START_MS)
    follower.core.expect(5_000_000, 0)
    first = a_trade(4_000_000, event_ms=START_MS + LONGEST_MS + 1)

    follower.core.skip_to(first, 10)
    follower.core.fill([first, a_trade(4_000_001)], 10)

    assert follower.ids == [4_000_000, 4_000_001]
    assert follower.events == [(GapState.GIVEN_UP, 2, 3_999_999)]
    assert not follower.core.late
    assert follower.core.wanted == 4_000_002


@pytest.mark.parametrize(("many", "is_tried"), [(FEW_TRADES - 1, True), (FEW_TRADES + 1, False)])
def test_what_was_given_up_of_a_long_time_is_tried_again_if_it_is_little(
    many: int, *, is_tried: bool
) -> None:
    follower = Follower(first_id=None)
    follower.core.start(2, now_ms=0, after_ms=START_MS)
    follower.core.offer(a_trade(2 + many, event_ms=START_MS + LONGEST_MS + 1), 0)

    follower.wait(GIVE_UP_MS)

    assert bool(follower.core.late) is is_tried


def test_a_gap_keeps_the_bounds_under_which_it_was_told() -> None:
    follower = Follower()
    follower.hear(1, 9)
    follower.wait(PATIENCE_MS)

    follower.core.skip_to(a_trade(5), follower.now_ms)

    assert follower.events[:2] == [(GapState.FOUND, 2, 8), (GapState.GIVEN_UP, 2, 8)]


def test_given_up_hole_is_filled_late_and_then_counts_as_repaired() -> None:
    follower = Follower()
    follower.hear(1, 5)
    follower.wait(GIVE_UP_MS)
    assert follower.ids == [1, 5]

    late = follower.core.late
    assert late.wanted == 2
    run = late.run_of([a_trade(2), a_trade(3)])
    assert [trade.agg_id for trade in run] == [2, 3]
    assert late.published(2, follower.now_ms) is None
    assert late.wanted == 4
    run = late.run_of([a_trade(4), a_trade(5), a_trade(6)])
    assert [trade.agg_id for trade in run] == [4]
    event = late.published(1, follower.now_ms)

    assert event is not None
    assert (event.state, event.first_agg_id, event.last_agg_id) == (GapState.REPAIRED, 2, 4)
    assert not late


@pytest.mark.parametrize("by_ms", [-JITTER_MS - 1, JITTER_MS + 1])
def test_late_fill_takes_no_trade_of_another_time_than_the_hole(by_ms: int) -> None:
    follower = Follower()
    follower.hear(1, 5)
    follower.wait(GIVE_UP_MS)

    late = follower.core.late
    strange = a_trade(3, event_ms=a_trade(3).event_ms + by_ms)
    assert late.run_of([a_trade(2), strange, a_trade(4)]) == [a_trade(2)]


def test_late_fill_does_not_jump_over_an_id_that_rest_has_not() -> None:
    follower = Follower()
    follower.hear(1, 5)
    follower.wait(GIVE_UP_MS)

    assert follower.core.late.run_of([a_trade(3), a_trade(4)]) == []


def test_what_came_before_the_start_is_joined_to_it() -> None:
    follower = Follower(first_id=None)
    follower.hear(7, 8)

    follower.core.start(5, now_ms=0)

    assert follower.core.wanted == 5
    follower.fill(5, 6)
    assert follower.ids == [5, 6, 7, 8]


def test_first_start_reports_no_gap() -> None:
    follower = Follower(first_id=None)
    follower.hear(7)
    follower.core.start(5, now_ms=0, silent=True)
    follower.wait(PATIENCE_MS)

    follower.fill(5, 6)

    assert follower.ids == [5, 6, 7]
    assert follower.events == []


def test_quiet_symbol_learns_from_rest_that_it_missed_trades() -> None:
    follower = Follower()
    follower.hear(1)
    follower.core.lose_sight()
    assert not follower.core.settled

    follower.core.expect(3, follower.now_ms)

    assert follower.core.wanted == 2


def test_trade_of_the_replaced_connection_does_not_prove_that_no_later_one_is_missing() -> None:
    follower = Follower()
    follower.hear(1)
    opened_ms = 30_000
    follower.core.lose_sight(opened_ms)

    follower.core.offer(a_trade(2), follower.now_ms, opened_ms=10_000)
    assert not follower.core.settled
    follower.core.offer(a_trade(3), follower.now_ms, opened_ms=opened_ms)

    assert follower.core.settled


def test_trade_of_the_new_connection_proves_that_nothing_is_missing() -> None:
    follower = Follower()
    follower.hear(1)
    follower.core.lose_sight()

    follower.hear(1)
    assert not follower.core.settled
    follower.hear(2)

    assert follower.core.settled


def test_lone_trade_that_rest_does_not_know_either_is_disproved_and_the_true_ones_go_on() -> None:
    follower = Follower()
    follower.hear(1, 500)
    follower.wait(PATIENCE_MS)
    for _ in range(3):
        follower.fill()
        follower.wait(GIVE_UP_MS // 2)

    assert [trade.agg_id for trade in follower.core.disproved] == [500]
    assert follower.core.settled
    follower.hear(2, 3)

    assert follower.ids == [1, 2, 3]
    assert [state for state, _, _ in follower.events] == [GapState.FOUND, GapState.REPAIRED]


def test_time_in_which_rest_is_closed_does_not_count_for_giving_up() -> None:
    follower = Follower()
    follower.hear(1, 4)
    for _ in range(10):
        follower.now_ms += GIVE_UP_MS
        follower.core.advance(follower.now_ms, closed=True)

    assert GapState.GIVEN_UP not in [state for state, _, _ in follower.events]
    follower.wait(GIVE_UP_MS)

    assert (GapState.GIVEN_UP, 2, 3) in follower.events


def test_full_memory_leaves_newer_trades_to_rest() -> None:
    follower = Follower(limit=10)

    follower.hear(*range(1, 101))

    held = len(follower.core.ready) + len(follower.core._ahead)
    assert held <= 2 * follower.limit
    follower.publish()
    follower.publish()
    assert follower.core.wanted == 21
    while (wanted := follower.core.wanted) is not None:
        follower.fill(*range(wanted, min(wanted + 7, 101)))
        follower.publish()
    assert follower.ids == list(range(1, 101))


def test_nothing_is_asked_or_given_up_while_memory_is_full() -> None:
    follower = Follower(limit=3)
    follower.hear(1, 2, 3, 4, 5, 6, 7, 8)
    follower.publish(1)

    follower.wait(10 * GIVE_UP_MS)

    assert follower.core.wanted is None
    assert GapState.GIVEN_UP not in [state for state, _, _ in follower.events]


@given(
    heard=st.lists(st.integers(1, 40), max_size=120),
    bursts=st.lists(st.tuples(st.integers(0, 30), st.integers(0, 3000)), max_size=40),
    limit=st.integers(1, 50),
)
def test_any_order_of_any_trades_ends_with_each_once_given_a_rest_that_answers(
    heard: list[int], bursts: list[tuple[int, int]], limit: int
) -> None:
    follower = Follower(limit=limit)
    steps = iter(bursts)
    for agg_id in heard:
        follower.hear(agg_id)
        publish_count, passed_ms = next(steps, (1, 10))
        follower.publish(publish_count)
        follower.wait(passed_ms)

    head_id = 45
    follower.core.expect(head_id, follower.now_ms)
    for _ in range(head_id * 3):
        follower.publish()
        follower.wait(PATIENCE_MS)
        if (wanted := follower.core.wanted) is not None:
            follower.fill(*range(wanted, min(wanted + 3, head_id + 1)))

    assert follower.ids == list(range(1, head_id + 1))
    found = [event[1:] for event in follower.events if event[0] == GapState.FOUND]
    repaired = [event[1:] for event in follower.events if event[0] == GapState.REPAIRED]
    assert found == repaired


@given(
    heard=st.lists(st.integers(1, 40), min_size=1, max_size=80),
    rest=st.sets(st.integers(1, 40)),
    waits=st.lists(st.integers(0, GIVE_UP_MS), max_size=80),
)
def test_with_a_rest_that_lacks_trades_ids_still_rise_and_every_jump_is_explained(
    heard: list[int], rest: set[int], waits: list[int]
) -> None:
    follower = Follower()
    pauses = iter(waits)
    for agg_id in heard:
        follower.hear(agg_id)
        follower.wait(next(pauses, 0))
        if (wanted := follower.core.wanted) is not None:
            follower.fill(*sorted(i for i in rest if wanted <= i < wanted + 5))
    for _ in range(40):
        follower.wait(GIVE_UP_MS)

    ids = [0, *follower.ids]
    assert ids == sorted(set(ids))
    lost = [(first, last) for state, first, last in follower.events if state == GapState.GIVEN_UP]
    for before, after in pairwise(ids):
        assert all(any(a <= i <= z for a, z in lost) for i in range(before + 1, after))


@pytest.mark.parametrize("events", [1, 50])
def test_found_is_reported_once_for_each_hole(events: int) -> None:
    follower = Follower()
    follower.hear(1, 3)

    for _ in range(events):
        follower.wait(PATIENCE_MS)

    assert follower.events == [(GapState.FOUND, 2, 2)]


def with_trade_ids(agg_id: int, first_trade_id: int) -> Trade:
    return a_trade(agg_id, first_trade_id=first_trade_id)


def test_a_duplicate_with_other_trade_ids_is_kept_apart_and_never_published() -> None:
    follower = Follower()
    follower.hear(1, 2, 4)

    follower.core.offer(with_trade_ids(2, 3), follower.now_ms)  # published
    follower.core.offer(with_trade_ids(4, 9), follower.now_ms)  # waits behind a hole
    follower.core.fill([with_trade_ids(1, 7), a_trade(2), a_trade(3)], follower.now_ms)

    assert [t.agg_id for t in follower.core.disputed] == [2, 4, 1]
    follower.publish()
    trades = [one for one in follower.published if isinstance(one, Trade)]
    assert [t.first_trade_id for t in trades] == [1, 2, 3, 4]


@given(st.lists(st.tuples(st.integers(1, 30), st.integers(-2, 2)), max_size=80))
def test_each_other_trade_under_a_known_id_is_told_and_each_equal_one_is_a_duplicate(
    again: list[tuple[int, int]],
) -> None:
    follower = Follower()
    follower.hear(*range(1, 31))

    for agg_id, by in again:
        follower.core.offer(with_trade_ids(agg_id, agg_id + by), follower.now_ms)

    told = [(t.agg_id, t.first_trade_id) for t in follower.core.disputed]
    assert told == [(agg_id, agg_id + by) for agg_id, by in again if by]
    assert follower.core.take_counts() == (len(again), 0)


def test_a_trade_id_in_two_aggregates_reaches_the_reducer_in_a_block_of_its_own() -> None:
    trades = [with_trade_ids(1, 10), with_trade_ids(2, 11), with_trade_ids(3, 11)]
    follower = Follower()
    for trade in trades:
        follower.core.offer(trade, follower.now_ms)

    ready = follower.core.ready
    assert ready == trades
    assert leading_run(ready, limit=9) == trades[:2]
    assert leading_run(ready[2:], limit=9) == trades[2:]
