"""What the health check calls well, starting and down."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.health.checks import FLOWING, Check, Judge, State, together, worst
from api.health.lag import Lag, Lags
from api.health.stored import TABLES, Stored
from schemas.api_settings import HealthSettings
from schemas.topics import NOTIFY_GROUP

LIMITS = HealthSettings()
LONG_S = 100_000.0  # the API has been up for long
SYMBOLS = ("BTCUSDT", "DOTUSDT")
PLACE = ("market.trades.v1", 0)
SINKS = "candlewick-sinks"


def judge(up_s: float = LONG_S, **traded_s: float) -> Judge:
    """`traded_s` gives for how long each symbol has been traded."""
    return Judge(LIMITS, up_s, traded_s)


def stored(age_s: float | None = 1.0, **other: float | None) -> list[Stored]:
    """Rows of every table and symbol; `other` gives the age of a symbol in all tables."""
    return [Stored(t, s, other.get(s, age_s)) for t in TABLES for s in SYMBOLS]


def test_what_was_stored_just_now_is_well() -> None:
    assert judge().of_stored(stored()).state is State.OK


def test_nothing_stored_any_more_is_down_and_names_the_tables() -> None:
    found = judge().of_stored(stored(LIMITS.stands_s + 1))

    assert found.state is State.DOWN
    assert "no trades stored for 61 s" in str(found.reason)
    assert "no predictions stored" in str(found.reason)


def test_a_quiet_symbol_is_well_while_its_candles_come() -> None:
    rows = [
        Stored(t, s, 50.0 if t == "candles" else 7200.0 if s == "DOTUSDT" else 1.0)
        for t in TABLES
        for s in SYMBOLS
    ]

    assert judge().of_stored(rows).state is State.OK


def test_a_symbol_whose_candles_end_is_down_though_the_others_go_on() -> None:
    found = judge().of_stored(stored(DOTUSDT=LIMITS.stands_s + 61))

    assert found.reason == "no candles of DOTUSDT stored for 121 s"


def test_what_has_never_come_is_starting_and_down_only_later() -> None:
    early, late = (judge(up_s).of_stored(stored(None)) for up_s in (10, LIMITS.start_s + 1))

    assert (early.state, late.state) == (State.STARTING, State.DOWN)


@pytest.mark.parametrize("age_s", [None, 10_800.0])
def test_a_symbol_that_is_added_or_trades_again_is_not_down_at_once(age_s: float | None) -> None:
    rows = stored(1.0, DOTUSDT=age_s)
    early = judge(DOTUSDT=30.0).of_stored(rows)
    late = judge(DOTUSDT=LIMITS.start_s + 1.0).of_stored(rows)

    assert early.is_ok
    assert late.state is State.DOWN
    assert "DOTUSDT" in str(late.reason)


def test_a_stack_that_starts_again_is_not_down_for_the_night_it_was_off() -> None:
    night = stored(40_000.0)

    assert judge(up_s=20).of_stored(night).state is State.OK
    assert judge(up_s=LIMITS.stands_s + 1).of_stored(night).state is State.DOWN


def a_lag(
    standing_s: float, *, group: str = SINKS, records: int = 5, has_moved: bool = True
) -> Lag:
    return Lag(group, PLACE[0], records, standing_s, standing_s, has_moved)


@pytest.mark.parametrize("group", FLOWING)
def test_a_group_that_does_not_move_though_records_wait_is_down(group: str) -> None:
    found = judge().of_lags([a_lag(LIMITS.stands_s + 1, group=group)])

    assert found.state is State.DOWN
    assert (
        f"{group} has made no progress in {PLACE[0]} for 61 s, and 5 records are waiting"
        == found.reason
    )


def test_a_target_of_notifications_that_fails_is_down_with_its_reason() -> None:
    moving = [a_lag(1, group=NOTIFY_GROUP)]

    assert judge().of_notifications(moving, "").state is State.OK
    found = judge().of_notifications(moving, "target phone has failed")
    assert (found.name, found.state, found.reason) == (
        "notify",
        State.DOWN,
        "target phone has failed",
    )


def test_notifications_that_are_not_read_are_down() -> None:
    standing = [a_lag(LIMITS.stands_s + 1, group=NOTIFY_GROUP)]

    assert judge().of_notifications(standing, "").state is State.DOWN
    assert judge().of_lags(standing).state is State.OK


def test_a_training_may_hold_up_its_own_group() -> None:
    assert judge().of_lags([a_lag(5000, group="candlewick-trainer")]).state is State.OK


def test_a_group_that_has_never_moved_is_starting_at_first() -> None:
    waits = [a_lag(LIMITS.stands_s + 1, has_moved=False)]

    assert judge(up_s=100).of_lags(waits).state is State.STARTING
    assert judge().of_lags(waits).state is State.DOWN


def test_a_backlog_that_is_worked_off_is_no_halt() -> None:
    lags = Lags()
    for n in range(200):
        found = lags.look({SINKS: {PLACE: n * 10}}, {PLACE: 1_000_000}, float(n))

    assert found[0].records == 1_000_000 - 1990
    assert found[0].seconds == 199
    assert found[0].standing_s == 0
    assert judge().of_lags(found).state is State.OK


def test_one_partition_that_stands_is_seen_though_the_others_move() -> None:
    lags, still = Lags(), ("market.trades.v1", 1)
    for n in range(100):
        committed = {PLACE: n, still: 7}
        found = lags.look({SINKS: committed}, {PLACE: n + 1, still: 8 + n}, float(n))

    assert found[0].standing_s == 99
    assert found[0].records == 1 + 8 + 99 - 7


def test_a_group_with_nothing_to_do_does_not_stand() -> None:
    lags = Lags()
    for now_s in (0.0, 500.0):
        lags.look({SINKS: {PLACE: 7}}, {PLACE: 7}, now_s)
    found = lags.look({SINKS: {PLACE: 7}}, {PLACE: 8}, 501.0)

    assert (found[0].records, found[0].seconds, found[0].standing_s) == (1, 0, 1)


@given(st.lists(st.sampled_from(State), max_size=6))
def test_several_are_as_bad_as_the_worst(states: list[State]) -> None:
    checks = [Check("", s, None if s is State.OK else s.value) for s in states]

    assert together("all", checks).state is worst(checks)
    assert together("all", checks).is_ok is (State.DOWN not in states)
