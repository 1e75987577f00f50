"""Ids that jump: alone they are refused, together believed, and nothing true is lost."""

from hypothesis import given
from hypothesis import strategies as st

from producers.trades.exchange_clock import ExchangeClock
from producers.trades.ids.id_jumps import MOST_HELD, NEAR, Jumps
from producers.trades.rest_checks import SECOND_LOOK_MS, Doubts
from schemas.errors import PoisonMessage
from schemas.market import JITTER_MS
from schemas.rules.checks import LARGEST_ID
from tests.support.builders import START_MS, a_trade

FAR = st.integers(NEAR + 100, LARGEST_ID)


class Listener:
    """Hears trades as a symbol's flow does: what is taken is known from then on."""

    def __init__(self, known_id: int = -1) -> None:
        self.jumps = Jumps()
        self.known_id = known_id
        self.now_ms = START_MS
        self.pace_ms = JITTER_MS + 1  # of a quiet symbol: whatever comes is later than all before
        self.taken: list[int] = []
        self.refused: list[int] = []

    def hear(self, *ids: int) -> "Listener":
        for agg_id in ids:
            self.now_ms += self.pace_ms
            trade = a_trade(agg_id, event_ms=self.now_ms)
            verdict = self.jumps.judge(trade, b"raw", self.known_id)
            self.taken += [trade.agg_id for trade in verdict.taken]
            self.known_id = max([self.known_id, *self.taken])
            assert all(refused.raw == b"raw" for refused in verdict.refused)
            self.refused += [refused.trade.agg_id for refused in verdict.refused]
        return self


@given(st.integers(0, 50), FAR)
def test_lone_jump_is_refused_once_and_all_that_follows_is_taken(after: int, lie: int) -> None:
    heard = Listener(known_id=0).hear(*range(1, after + 1), lie, *range(after + 1, after + 20))

    assert heard.taken == list(range(1, after + 20))
    assert heard.refused == [lie]


@given(FAR, st.integers(1, NEAR))
def test_jump_that_is_continued_is_believed_with_its_first_trade(to: int, step: int) -> None:
    heard = Listener(known_id=5).hear(6, to, to + step, to + step + 1)

    assert heard.taken == [6, to, to + step, to + step + 1]
    assert heard.refused == []


def test_two_lone_jumps_are_both_refused() -> None:
    heard = Listener(known_id=5).hear(10**9, 10**6, 6, 7)

    assert (heard.taken, heard.refused) == ([6, 7], [10**9, 10**6])


def test_same_trade_from_a_second_connection_confirms_nothing() -> None:
    heard = Listener(known_id=5).hear(10**6, 10**6, 6)

    assert (heard.taken, heard.refused) == ([6], [10**6])


def test_held_trade_that_rest_has_shown_meanwhile_is_taken() -> None:
    listener = Listener(known_id=5)
    listener.hear(10**6)
    listener.known_id = 10**6 + 3

    listener.hear(10**6 + 4)

    assert (listener.taken, listener.refused) == ([10**6, 10**6 + 4], [])


def test_a_jump_that_nothing_follows_is_doubted_until_a_later_trade_has_a_lower_id() -> None:
    listener = Listener(known_id=5)
    listener.hear(10**6)
    listener.pace_ms = JITTER_MS // 10

    listener.hear(*range(6, 16))
    assert listener.refused == []

    listener.hear(16)
    assert (listener.taken, listener.refused) == ([*range(6, 17)], [10**6])


def test_a_true_trade_after_a_hole_is_not_refused_because_the_connection_ends_after_it() -> None:
    # The next connection jumps farther; an old one still brings what came before the hole.
    first, second = 10_000, 20_000
    listener = Listener(known_id=5).hear(first, second)
    listener.now_ms = START_MS - 60_000
    listener.hear(6, 7)
    listener.now_ms = START_MS + 60_000
    listener.hear(second + 1)

    assert (listener.taken, listener.refused) == ([6, 7, second, second + 1], [])
    listener.known_id = second + 1  # REST has filled the hole
    listener.hear(second + 2)
    assert (listener.taken[-2:], listener.refused) == ([first, second + 2], [])


def test_no_more_than_a_bounded_number_of_jumps_is_doubted() -> None:
    lies = [n * 10 * NEAR for n in range(1, MOST_HELD + 3)]

    assert Listener(known_id=5).hear(*lies).refused == lies[:2]


@given(st.permutations(range(1, 30)))
def test_small_disorder_is_nobodys_jump(ids: list[int]) -> None:
    heard = Listener(known_id=0).hear(*ids)

    assert heard.taken == ids
    assert heard.refused == []


def a_doubter(told: list[PoisonMessage]) -> Doubts:
    clock = ExchangeClock(ahead_ms=5_000)
    clock.hear("REST", START_MS, 0)
    return Doubts(clock, told.append)


def test_trade_of_rest_that_stays_ahead_of_the_clock_is_told_once_and_the_others_are_taken() -> (
    None
):
    told: list[PoisonMessage] = []
    doubts = a_doubter(told)
    page = [a_trade(1), a_trade(2, event_ms=START_MS + 7_200_000), a_trade(3)]
    for look in range(4):
        found = doubts.believed(page, 0, look * SECOND_LOOK_MS)

        assert [trade.agg_id for trade in found] == [1, 3]
        assert len(told) == min(look, 1)


def test_rest_that_knows_a_moment_before_the_stream_does_is_only_asked_again() -> None:
    told: list[PoisonMessage] = []
    doubts = a_doubter(told)
    page = [a_trade(1, event_ms=START_MS + 60_000)]

    assert doubts.believed(page, 0, 0) == []
    assert doubts.believed(page, 0, 60_000) == page
    assert told == []


def test_lone_jump_inside_an_answer_is_refused_and_a_continued_one_taken() -> None:
    told: list[PoisonMessage] = []
    doubts = a_doubter(told)

    lone = doubts.believed([a_trade(1), a_trade(10**6), a_trade(2)], 0, 0)
    whole = doubts.believed([a_trade(10**6), a_trade(10**6 + 1)], 0, 0)

    assert [trade.agg_id for trade in lone] == [1, 2]
    assert [trade.agg_id for trade in whole] == [10**6, 10**6 + 1]
    assert len(told) == 1
