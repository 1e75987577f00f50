"""What a target gets next: limits, quiet hours, summaries."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from sinks.notify.mailbox import (
    LONGEST_MESSAGE,
    MOST_LINES,
    UNSURE,
    Message,
    Waiting,
    next_message,
)
from sinks.notify.plan import Limit, Target
from sinks.notify.quiet_hours import QuietHours

NIGHT = QuietHours.model_validate({"from": "22:00", "to": "07:00", "zone": "Europe/Berlin"})


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


NOON = ms("2026-01-10 12:00")
MIDNIGHT = ms("2026-01-10 23:30")
MORNING = ms("2026-01-11 06:00")  # seven o'clock in Berlin


def waits(
    number: int,
    *,
    raised_ms: int = NOON,
    rule: str = "price",
    quiet: Literal["hold", "send"] = "hold",
    count: int = 1,
    is_old: bool = False,
    is_unsure: bool = False,
) -> Waiting:
    text = f"event {number}"
    return Waiting(number, rule, "info", "live", text, raised_ms, quiet, count, is_old, is_unsure)


def target(*, messages: int = 3, quiet: QuietHours | None = NIGHT) -> Target:
    return Target("phone", SecretStr("json://x"), Limit(messages=messages, minutes=1), quiet)


def nxt(
    waiting: list[Waiting],
    *sent_ms: int,
    now_ms: int = NOON,
    wall_ms: int | None = None,
    quiet: QuietHours | None = NIGHT,
    longest: int = LONGEST_MESSAGE,
) -> Message | None:
    return next_message(
        target(quiet=quiet),
        waiting,
        sent_ms,
        now_ms=now_ms,
        wall_ms=now_ms if wall_ms is None else wall_ms,
        page="https://x.org/",
        longest=longest,
    )


def test_one_event_is_one_message_with_a_link_to_its_view() -> None:
    message = nxt([waits(1), waits(2)])

    assert message == Message(
        "Candlewick: price", "event 1\nhttps://x.org/#live", "info", numbers=(1,)
    )


def test_a_burst_is_one_summary_that_counts_what_it_does_not_show() -> None:
    burst = [*(waits(n) for n in range(20)), waits(20, rule="gap"), waits(21, rule="gap")]
    message = nxt(burst)

    assert message is not None
    assert message.title == "Candlewick: 22 events"
    assert message.body.splitlines() == [
        "22 events:",
        *(f"- event {n}" for n in range(5)),
        "and 17 more: 15 price, 2 gap",
        "https://x.org/",
    ]
    assert message.numbers == tuple(range(22))


def test_above_the_limit_events_wait_and_come_together() -> None:
    full = (NOON - 50_000, NOON - 40_000, NOON - 1_000)

    assert nxt([waits(1)], *full) is None
    message = nxt([waits(1), waits(2)], *full, now_ms=NOON + 11_000)
    assert message is not None
    assert message.numbers == (1, 2)


def test_messages_of_a_process_whose_clock_was_ahead_do_not_count() -> None:
    ahead = (NOON + 3_600_000,) * 3

    assert nxt([waits(1)], *ahead) is not None


def test_quiet_hours_go_by_the_clock_on_the_wall() -> None:
    assert nxt([waits(1)], now_ms=MIDNIGHT, wall_ms=NOON) is not None
    assert nxt([waits(1)], now_ms=NOON, wall_ms=MIDNIGHT) is None


def test_quiet_hours_hold_events_back_and_then_tell_them_at_once() -> None:
    night = [waits(1, raised_ms=MIDNIGHT), waits(2, raised_ms=MIDNIGHT)]

    assert nxt(night, now_ms=MORNING - 1) is None
    message = nxt([*night, waits(3, raised_ms=MORNING)], now_ms=MORNING)
    assert message is not None
    assert message.body.startswith(
        "2 events in the quiet hours, 22:00 to 07:00 Europe/Berlin:\n- event 1\n- event 2\n"
        "1 event:\n- event 3"
    )


def test_an_urgent_rule_is_sent_in_quiet_hours_and_the_others_stay() -> None:
    message = nxt([waits(1), waits(2, quiet="send", raised_ms=MIDNIGHT)], now_ms=MIDNIGHT)

    assert message is not None
    assert message.numbers == (2,)


def test_a_target_without_quiet_hours_gets_everything_at_once() -> None:
    assert nxt([waits(1, raised_ms=MIDNIGHT)], now_ms=MIDNIGHT, quiet=None) is not None


def test_old_events_are_summed_up() -> None:
    message = nxt([waits(1, is_old=True), waits(2)])

    assert message is not None
    assert "1 event from before, while notifications were paused:\n- event 1" in message.body
    assert message.numbers == (1, 2)


def test_events_that_were_only_counted_are_counted_in_the_message() -> None:
    message = nxt([waits(1), waits(2, count=400)])
    alone = nxt([waits(2, count=400)])

    assert message is not None
    assert message.numbers == (1,)
    assert alone is not None
    assert alone.body.startswith("400 events:\nand 400 more: 400 price")


def test_a_message_that_may_have_been_sent_says_so() -> None:
    for waiting in ([waits(1, is_unsure=True)], [waits(n, is_unsure=True) for n in range(9)]):
        message = nxt(waiting)
        assert message is not None
        assert UNSURE in message.body


@given(
    st.lists(st.tuples(st.booleans(), st.integers(0, 1500), st.integers(1, 9)), max_size=60),
    st.integers(1, 20),
)
def test_nothing_is_lost_or_sent_twice_and_no_limit_is_passed(
    events: list[tuple[bool, int, int]], limit: int
) -> None:
    """Every minute of a day the target takes what it may, and at its end has had everything."""
    there = target(messages=limit)
    waiting = [
        waits(n, raised_ms=NOON + minute * 60_000, is_old=is_old, count=count)
        for n, (is_old, minute, count) in enumerate(events)
    ]
    got: list[int] = []
    sent: list[int] = []
    for now_ms in range(NOON, NOON + 3 * 86_400_000, 600_000):
        known = [w for w in waiting if w.raised_ms <= now_ms and w.number not in got]
        while message := next_message(there, known, sent, now_ms=now_ms, wall_ms=now_ms):
            sent.append(now_ms)
            got += message.numbers
            known = [w for w in known if w.number not in got]
        assert sum(at_ms == now_ms for at_ms in sent) <= limit
        assert not (NIGHT.contains(now_ms) and now_ms in sent)
    assert sorted(got) == [w.number for w in waiting]


def test_a_summary_stays_short() -> None:
    message = nxt([waits(n) for n in range(400)])

    assert message is not None
    assert len(message.body.splitlines()) == MOST_LINES + 3


def test_a_summary_shows_fewer_events_where_the_service_has_little_room() -> None:
    message = nxt([waits(n) for n in range(20)], longest=90)

    assert message is not None
    assert message.body.splitlines() == [
        "20 events:",
        "- event 0",
        "- event 1",
        "and 18 more: 18 price",
        "https://x.org/",
    ]
    assert message.numbers == tuple(range(20))


@given(
    st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(1, 400)), min_size=1, max_size=30),
    st.integers(60, 3_000),
)
def test_no_message_is_longer_than_the_service_takes(
    events: list[tuple[bool, bool, int]], longest: int
) -> None:
    waiting = [
        replace(waits(n, is_old=is_old, is_unsure=is_unsure), text="x" * length, rule="r" * 60)
        for n, (is_old, is_unsure, length) in enumerate(events)
    ]
    message = nxt(waiting, longest=longest)

    assert message is not None
    assert message.body
    assert len(message.title) + len(message.body) <= longest


@pytest.mark.parametrize(
    ("text", "is_quiet"),
    [
        ("2026-01-10 20:59", False),
        ("2026-01-10 21:00", True),  # ten o'clock in Berlin, in winter
        ("2026-07-10 20:00", True),  # and in summer
        ("2026-07-10 19:59", False),
        ("2026-01-11 05:59", True),
        ("2026-01-11 06:00", False),
    ],
)
def test_quiet_hours_follow_the_clock_of_their_zone(text: str, is_quiet: bool) -> None:  # noqa: FBT001
    assert NIGHT.contains(ms(text)) is is_quiet


@pytest.mark.parametrize(
    "wrong",
    [
        {"from": "22", "to": "7 am", "zone": "UTC"},
        {"from": "22:00", "to": "22:00", "zone": "UTC"},
        {"from": "22:00", "to": "07:00", "zone": "Berlin"},
        {"from": "22:00", "to": "07:00"},
        {"from": "22:00", "to": "07:00", "zone": "../../etc/passwd"},
    ],
)
def test_quiet_hours_that_make_no_sense_are_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        QuietHours.model_validate(wrong)
