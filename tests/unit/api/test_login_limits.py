"""Attempts to sign in: whom wrong passwords make wait, and whom they never do."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.accounts.authentication import TOGETHER, Passwords
from api.accounts.login_limits import (
    LONGEST_DELAY_S,
    MOST_REMEMBERED,
    SHARE_OF_ADDRESS,
    Attempts,
    TooManyAttempts,
)

MOST, WAIT_S = 5, 300
HOME, AWAY = "192.0.2.1", "198.51.100.1"


class Clock:
    now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def attempts(clock: Clock) -> Attempts:
    return Attempts(MOST, WAIT_S, clock)


def tried(attempts: Attempts, name: str, address: str, times: int) -> int:
    """Try so many times; how often it was let through."""
    through = 0
    for _ in range(times):
        try:
            attempts.begin(name, address)
            through += 1
        except TooManyAttempts:
            pass
    return through


def test_of_many_at_once_only_as_many_are_tried_as_are_allowed(attempts: Attempts) -> None:
    assert tried(attempts, "ada", AWAY, 40) == MOST


def test_the_wait_ends_and_then_there_are_as_many_again(attempts: Attempts, clock: Clock) -> None:
    tried(attempts, "ada", AWAY, MOST)
    clock.now_s += 100

    with pytest.raises(TooManyAttempts) as caught:
        attempts.begin("ada", AWAY)

    assert caught.value.wait_s == WAIT_S - 100 + 1
    clock.now_s += caught.value.wait_s
    assert tried(attempts, "ada", AWAY, 40) == MOST


def test_nobody_keeps_a_user_out_elsewhere_but_makes_the_name_slow(attempts: Attempts) -> None:
    for n in range(1000):
        tried(attempts, "root", f"203.0.113.{n}", MOST)

    assert 0 < attempts.begin("root", HOME) <= LONGEST_DELAY_S
    assert attempts.begin("ada", HOME) == 0


def test_where_a_user_signed_in_well_others_do_not_even_make_it_slow(attempts: Attempts) -> None:
    attempts.begin("root", HOME)
    attempts.succeeded("root", HOME)
    for n in range(1000):
        tried(attempts, "root", f"203.0.113.{n}", MOST)

    assert attempts.begin("root", HOME) == 0


def test_an_address_that_signed_in_well_is_slow_but_never_waits(
    attempts: Attempts, clock: Clock
) -> None:
    attempts.begin("root", HOME)
    attempts.succeeded("root", HOME)

    delays = [attempts.begin("root", HOME) for _ in range(50)]

    assert delays == sorted(delays)
    assert (delays[0], delays[-1]) == (0, LONGEST_DELAY_S)
    clock.now_s += 13 * 3600
    tried(attempts, "root", HOME, MOST)
    with pytest.raises(TooManyAttempts):
        attempts.begin("root", HOME)


def test_an_address_cannot_try_all_names_in_turn(attempts: Attempts) -> None:
    through = sum(tried(attempts, f"user{n}", AWAY, 1) for n in range(1000))

    assert through == SHARE_OF_ADDRESS * MOST
    assert tried(attempts, "ada", HOME, 1) == 1


def test_who_mistypes_and_then_is_right_begins_anew(attempts: Attempts) -> None:
    for _ in range(100):
        tried(attempts, "ada", HOME, MOST - 1)
        assert attempts.begin("ada", HOME) == 0
        attempts.succeeded("ada", HOME)

    assert attempts.begin("ada", AWAY) == 0


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.booleans()), max_size=100))
def test_an_unknown_address_never_has_more_tries_in_a_row_than_are_allowed(
    moves: list[tuple[int, int, bool]],
) -> None:
    attempts, wrong, known = Attempts(MOST, WAIT_S, Clock()), dict[tuple[int, int], int](), set()
    for name, address, is_right in moves:
        try:
            attempts.begin(str(name), str(address))
        except TooManyAttempts:
            continue
        pair = name, address
        if is_right:
            attempts.succeeded(str(name), str(address))
            known.add(pair)
            wrong[pair] = 0
        else:
            wrong[pair] = wrong.get(pair, 0) + 1
        assert pair in known or wrong[pair] <= MOST


def test_a_crowd_takes_no_more_memory(attempts: Attempts) -> None:
    for n in range(MOST_REMEMBERED + 100):
        attempts.begin(f"user{n}", f"address{n}")

    assert len(attempts._pairs.tries) == len(attempts._names.tries) == MOST_REMEMBERED


def test_many_passwords_are_hashed_beside_each_other_and_stay_in_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    passwords, together = Passwords(), Barrier(TOGETHER)

    def hash_beside_others(password: str) -> str:
        together.wait(20)  # broken, were they made one after the other
        return f"hash of {password}"

    monkeypatch.setattr(passwords, "hash", hash_beside_others)

    assert passwords.hash_all(["a", "b", "c", "d"]) == [f"hash of {p}" for p in "abcd"]


def test_a_password_is_known_by_its_hash_alone() -> None:
    passwords = Passwords()
    made = passwords.hash_all(["first", "other"])

    with ThreadPoolExecutor() as threads:
        assert all(threads.map(passwords.verify, ["first", "other"], made))
    assert not passwords.verify("first", made[1])
