"""Telling a gap in the topic from a state that is older than the position."""

import time
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients import clock
from processors.candles.reconcile import SEEK_SPACING_S, Healer, Verdict
from processors.runtime import guard
from processors.runtime.fence import Fence
from schemas.timeframe import DAY_MS
from tests.support.builders import START_MS


def judged_after(offsets: Sequence[int], *, state_offset: int) -> Verdict:
    healer = Healer()
    for offset in offsets:
        healer.saw(0, offset)
    return healer.judge(0, state_offset=state_offset, now_s=0.0)


def test_a_jump_in_records_read_one_by_one_is_a_gap_of_the_topic() -> None:
    assert judged_after([5, 6, 7, 8], state_offset=5) is Verdict.REAL_GAP


def test_a_jump_after_records_that_were_never_read_is_read_again() -> None:
    assert judged_after([7, 8], state_offset=5) is Verdict.READ_AGAIN


def test_records_that_were_dropped_in_between_are_read_again() -> None:
    assert judged_after([5, 6, 9], state_offset=6) is Verdict.READ_AGAIN


def test_a_symbol_without_state_is_believed_only_from_the_start_of_the_partition() -> None:
    assert judged_after([0, 1], state_offset=-1) is Verdict.REAL_GAP
    assert judged_after([4, 5], state_offset=-1) is Verdict.READ_AGAIN


def test_what_comes_before_the_seek_takes_is_skipped_and_the_seek_repeated_after_a_second() -> None:
    healer = Healer()
    healer.saw(0, 9)
    asked = healer.judge(0, state_offset=3, now_s=0.0)
    healer.saw(0, 10)
    soon = healer.judge(0, state_offset=3, now_s=SEEK_SPACING_S / 2)
    later = healer.judge(0, state_offset=3, now_s=SEEK_SPACING_S * 2)

    assert [asked, soon, later] == [Verdict.READ_AGAIN, Verdict.WAIT, Verdict.READ_AGAIN]


def test_a_jump_that_is_still_there_after_reading_again_is_a_gap_of_the_topic() -> None:
    healer = Healer()
    healer.saw(0, 9)
    healer.judge(0, state_offset=3, now_s=0.0)
    for offset in range(4, 10):
        healer.saw(0, offset)

    assert healer.judge(0, state_offset=3, now_s=0.1) is Verdict.REAL_GAP


def test_a_topic_that_no_longer_holds_the_offset_is_read_from_its_oldest_record_once() -> None:
    healer = Healer()
    healer.saw(0, 900)
    healer.judge(0, state_offset=3, now_s=0.0)
    healer.holds_from(0, 700)
    healer.saw(0, 700)

    assert healer.judge(0, state_offset=3, now_s=0.1) is Verdict.REAL_GAP


def test_a_record_that_comes_twice_does_not_prove_that_those_before_it_were_read() -> None:
    healer = Healer()
    healer.saw(0, 9)
    healer.judge(0, state_offset=3, now_s=0.0)
    healer.holds_from(0, 0)
    healer.saw(0, 9)

    assert healer.judge(0, state_offset=3, now_s=0.1) is Verdict.READ_AGAIN


def test_a_symbol_whose_state_is_further_behind_is_read_again_without_waiting() -> None:
    healer = Healer()
    healer.saw(0, 9)
    healer.judge(0, state_offset=5, now_s=0.0)
    healer.saw(0, 6)
    healer.saw(0, 7)

    assert healer.judge(0, state_offset=3, now_s=0.1) is Verdict.READ_AGAIN


def test_a_symbol_that_was_away_is_known_by_what_the_others_did_since() -> None:
    healer = Healer()
    healer.recovered(0, START_MS)

    assert not healer.was_away(0, START_MS - DAY_MS // 2)
    healer.folded(0, START_MS + DAY_MS)
    assert healer.was_away(0, START_MS - DAY_MS // 2)
    assert not healer.was_away(0, START_MS + DAY_MS // 2)


def test_a_symbol_without_a_state_is_not_new_because_others_had_blocks_since() -> None:
    healer = Healer()
    healer.folded(0, START_MS)

    assert not healer.was_away(0, 0)
    healer.recovered(0, START_MS)
    assert healer.was_away(0, 0)


@given(
    st.integers(0, 50),
    st.integers(0, 50),
    st.integers(0, 50),
    st.lists(st.floats(0, 3), max_size=20),
)
def test_reading_again_ends_with_a_verdict_whatever_the_seeks_do(
    state_offset: int, ahead: int, oldest: int, waits: list[float]
) -> None:
    healer, now_s = Healer(), 0.0
    offset = max(state_offset + 1 + ahead, oldest)
    healer.saw(0, offset)
    verdict = healer.judge(0, state_offset=state_offset, now_s=now_s)
    for wait in waits:
        now_s += wait
        offset += 1
        healer.saw(0, offset)
        verdict = healer.judge(0, state_offset=state_offset, now_s=now_s)
    if verdict is not Verdict.REAL_GAP:
        healer.holds_from(0, oldest)
        healer.saw(0, max(state_offset + 1, oldest))
        verdict = healer.judge(0, state_offset=state_offset, now_s=now_s)

    assert verdict is Verdict.REAL_GAP


def test_a_worker_that_stood_still_for_most_of_its_session_is_fenced_once() -> None:
    fence = Fence(session_s=6.0)

    assert [fence.stood_still(now_s) for now_s in (9.0, 10.0, 14.0, 14.1)] == [
        False,
        False,
        True,
        False,
    ]


def test_a_machine_that_slept_is_fenced_although_the_monotonic_clock_stood_still(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reasons: list[str] = []
    monkeypatch.setattr(guard, "leave", reasons.append)
    fence, now_ns = Fence(session_s=6.0), time.monotonic_ns()
    monkeypatch.setattr(clock, "_steady_ns", lambda: now_ns)

    guard.leave_if_fenced(fence)
    assert not reasons
    now_ns += 60 * 10**9
    guard.leave_if_fenced(fence)

    assert len(reasons) == 1
