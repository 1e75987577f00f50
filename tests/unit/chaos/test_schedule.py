"""A schedule comes from its seed alone."""

from collections import Counter

import orjson
from hypothesis import given
from hypothesis import strategies as st

from candlewick.exchange.faults.faults import FAULT
from tests.chaos.schedule import Kind, schedule, shown

SEEDS = st.integers(0, 10**6)


@given(seed=SEEDS, minutes=st.floats(0.1, 40))
def test_the_same_seed_gives_the_same_schedule(seed: int, minutes: float) -> None:
    assert schedule(seed, minutes) == schedule(seed, minutes)
    assert shown(schedule(seed, minutes)).count("\n") + 1 == len(schedule(seed, minutes))


def test_another_seed_gives_another_schedule() -> None:
    assert len({shown(schedule(seed, 5)) for seed in range(20)}) == 20


@given(seed=SEEDS, minutes=st.floats(0.1, 40))
def test_faults_come_in_order_and_a_quiet_point_comes_last(seed: int, minutes: float) -> None:
    faults = schedule(seed, minutes)

    times = [fault.at_s for fault in faults]
    assert times == sorted(times)
    assert faults[-1].kind == Kind.QUIET
    assert times[-1] == minutes * 60


@given(seed=SEEDS)
def test_a_longer_run_begins_like_a_shorter_one(seed: int) -> None:
    short, long = schedule(seed, 3), schedule(seed, 9)

    assert long[: len(short) - 1] == short[:-1]


@given(seed=SEEDS, left=st.sets(st.sampled_from([Kind.DISK, Kind.CLOCK])))
def test_what_a_machine_does_not_allow_changes_nothing_else(seed: int, left: set[Kind]) -> None:
    whole = schedule(seed, 20)

    assert schedule(seed, 20, leave_out=frozenset(left)) == [
        fault for fault in whole if fault.kind not in left
    ]


@given(seed=SEEDS)
def test_the_exchange_understands_every_lie(seed: int) -> None:
    for fault in schedule(seed, 10):
        if fault.kind == Kind.LIE:
            told = FAULT.validate_python(orjson.loads(fault.value))
            assert told.kind == fault.target.split()[0]


def test_twenty_minutes_have_five_hundred_faults_of_every_kind() -> None:
    seen = set[Kind]()
    for seed in range(20):
        count = Counter(fault.kind for fault in schedule(seed, 20))
        assert count.total() - count[Kind.QUIET] >= 500
        seen |= set(count)
    assert seen == set(Kind)
    lies = Counter(fault.name for seed in range(20) for fault in schedule(seed, 20))
    assert {name for name in lies if name.startswith("lie")} >= {
        f"lie {name}"
        for name in ("drop", "reset-ids", "halt", "lifetime", "archive", "rest-error", "shutdown")
    }
