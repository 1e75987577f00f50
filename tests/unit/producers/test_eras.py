"""When ids begin again: two answers of REST in agreement say so, and one strange record never."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.trades.ids.eras import NEWEST, SECOND_LOOK_MS, EraDoubt, Verdict
from producers.trades.resume import Newest, newest_era, open_gaps
from schemas.market import Gap, GapState, Trade, TradeBlock
from tests.support.builders import START_MS, a_block, a_trade

HELD = tuple(a_trade(100 + i, event_ms=START_MS + i * 500) for i in range(8))
NEXT_ID = 108
KNOWN_MS = HELD[-1].event_ms


def market(first_id: int, *, from_ms: int, count: int = 200, price_e8: int = 9) -> list[Trade]:
    return [
        a_trade(first_id + i, event_ms=from_ms + i * 500, price_e8=price_e8) for i in range(count)
    ]


@dataclass(slots=True)
class Exchange:
    """What REST has; a test says how each answer is falsified."""

    trades: Sequence[Trade]
    has: int = 0
    falsified: Callable[[list[Trade]], list[Trade]] = field(default=list)

    def found(self, agg_id: int) -> list[Trade]:
        known = [trade for trade in self.trades[: self.has] if trade.agg_id >= agg_id]
        return self.falsified(known[:1000])

    def newest(self) -> list[Trade]:
        return self.falsified([*self.trades[: self.has]][-NEWEST:])


def looks(doubt: EraDoubt, exchange: Exchange, *at_ms: int) -> list[Verdict]:
    return [
        doubt.judge(
            HELD,
            exchange.found(HELD[0].agg_id),
            exchange.newest(),
            next_id=NEXT_ID,
            known_ms=KNOWN_MS,
            now_ms=now_ms,
        )
        for now_ms in at_ms
    ]


def a_doubt() -> EraDoubt:
    doubt = EraDoubt()
    doubt.suspect(a_trade(3, event_ms=KNOWN_MS + 5_000))
    return doubt


@pytest.mark.parametrize("first_id", [0, 95, 100, 90])
def test_other_trades_that_go_on_later_are_a_new_era_at_the_second_look(first_id: int) -> None:
    exchange = Exchange(market(first_id, from_ms=KNOWN_MS + 1_000), has=40)

    found = looks(a_doubt(), exchange, 0, SECOND_LOOK_MS - 1, SECOND_LOOK_MS)

    assert found == [Verdict.UNDECIDED, Verdict.UNDECIDED, Verdict.BEGUN_AGAIN]


def test_a_market_with_a_past_of_its_own_is_a_new_era_too() -> None:
    exchange = Exchange(market(0, from_ms=KNOWN_MS - 300 * 500, count=1_000), has=700)

    assert looks(a_doubt(), exchange, 0, 5_000)[-1] is Verdict.BEGUN_AGAIN


def test_trades_that_rest_has_are_of_the_same_era_and_the_strange_one_is_told() -> None:
    doubt = a_doubt()
    exchange = Exchange([*HELD, *market(NEXT_ID, from_ms=KNOWN_MS + 500)], has=30)

    assert looks(doubt, exchange, 0) == [Verdict.SAME]
    assert not doubt
    assert [trade.agg_id for trade in doubt.refused] == [3]


@given(behind=st.integers(0, 120))
def test_rest_that_is_behind_begins_no_era_however_far_it_is(behind: int) -> None:
    before = market(0, from_ms=START_MS - 50_000, count=100)
    exchange = Exchange([*before, *HELD], has=len(before) + len(HELD) - min(behind, 108))

    found = looks(a_doubt(), exchange, 0, 3_000, 6_000)

    assert Verdict.BEGUN_AGAIN not in found


@given(st.sampled_from(["time", "id", "price", "empty", "one"]), st.integers(0, 107))
def test_one_falsified_trade_or_answer_begins_no_era(what: str, has: int) -> None:
    """The last trade of each answer is wrong, or an answer is cut short or empty."""
    wrong = {
        "time": lambda t: replace(t, event_ms=t.event_ms + 7_200_000),
        "id": lambda t: replace(t, agg_id=t.agg_id + 10**6),
        "price": lambda t: replace(t, price_e8=1),
    }

    def falsified(trades: list[Trade]) -> list[Trade]:
        if not trades or what in {"empty", "one"}:
            return trades[:1] if what == "one" else []
        return [*trades[:-1], wrong[what](trades[-1])]

    before = market(0, from_ms=START_MS - 50_000, count=100)
    exchange = Exchange([*before, *HELD], has, falsified)

    assert Verdict.BEGUN_AGAIN not in looks(a_doubt(), exchange, 0, 3_000, 6_000)


def test_one_answer_of_another_market_begins_no_era() -> None:
    doubt = a_doubt()
    other = Exchange(market(0, from_ms=KNOWN_MS + 1_000), has=40)
    true = Exchange([*HELD, *market(NEXT_ID, from_ms=KNOWN_MS + 500)], has=30)

    assert looks(doubt, other, 0) == [Verdict.UNDECIDED]
    assert looks(doubt, true, 5_000) == [Verdict.SAME]
    assert not doubt.is_due(10_000)


def test_two_answers_that_contradict_each_other_begin_no_era() -> None:
    doubt = a_doubt()
    one = Exchange(market(0, from_ms=KNOWN_MS + 1_000), has=40)
    other = Exchange(market(0, from_ms=KNOWN_MS + 1_000, price_e8=7), has=40)

    found = [looks(doubt, exchange, at * 5_000)[0] for at, exchange in enumerate([one, other] * 3)]

    assert set(found) == {Verdict.UNDECIDED}


def test_a_stream_that_goes_on_ends_the_doubt() -> None:
    doubt = a_doubt()
    exchange = Exchange(market(0, from_ms=KNOWN_MS + 1_000), has=40)
    looks(doubt, exchange, 0)

    doubt.went_on()

    assert not doubt
    doubt.suspect(a_trade(4, event_ms=KNOWN_MS + 9_000))
    assert looks(doubt, exchange, 5_000) == [Verdict.UNDECIDED]


def blocks_of(trades: Sequence[Trade], *, era: int) -> list[TradeBlock]:
    return [replace(a_block([trade]), era=era) for trade in trades]


def test_the_next_run_goes_on_in_the_new_era_and_one_stray_block_is_none() -> None:
    old, new = blocks_of(HELD, era=0), blocks_of(market(0, from_ms=KNOWN_MS, count=9), era=1)
    went_on, lone = Newest(), Newest()
    for block in [*old, *new, old[-1]]:
        went_on.see(block)
    for block in [*old[:4], new[0], *old[4:]]:
        lone.see(block)

    assert went_on.block is new[-1]
    assert [trade.agg_id for trade in went_on.trades] == [*range(1, 9)]
    assert lone.block is old[-1]
    assert lone.trades == [*HELD]


def test_gaps_of_two_eras_are_two_and_the_begin_of_an_era_is_none() -> None:
    gap = Gap("BTCUSDT", 5, 9, -1, -1, GapState.FOUND.value, 5, 5, "ids jump")
    begun = replace(gap, state=GapState.NEW_ERA.value, era=2)
    later = replace(gap, era=2)
    repaired = replace(later, state=GapState.REPAIRED.value)

    assert open_gaps([gap, begun, later]) == [gap, later]
    assert open_gaps([gap, begun, later, repaired]) == [gap]
    assert newest_era([gap, begun, later], "BTCUSDT") == 2
    assert newest_era([gap, begun, later], "ETHUSDT") == 0
