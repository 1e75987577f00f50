"""Calls to the outside end in time, and a process that makes no progress leaves."""

import asyncio
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.limits import answered, within
from clients.process import START_ME_AGAIN, Progress, Stall
from schemas.dead_letters import LARGEST_VALUE, Origin, letter_of, read_letter
from schemas.errors import Transient

LIMIT_S = 30.0
ROOT = Path(__file__).parents[3]


def test_a_call_that_ends_in_time_gives_its_answer_or_its_own_error() -> None:
    def fails() -> None:
        raise TimeoutError("its own")

    assert within(9, "somebody", lambda: 7) == 7
    with pytest.raises(TimeoutError, match="its own"):
        within(9, "somebody", fails)


def test_a_call_that_never_ends_is_given_up_at_its_limit() -> None:
    never = threading.Event()

    with pytest.raises(Transient, match=r"ClickHouse has not answered within 0\.05 s"):
        within(0.05, "ClickHouse", never.wait)
    never.set()


@pytest.mark.parametrize("ends", [False, True])
def test_a_process_ends_at_once_while_a_call_that_was_given_up_is_at_work(*, ends: bool) -> None:
    script = f"""
import atexit, contextlib, threading
from clients.limits import leave_unanswered, within
from schemas.errors import Transient

atexit.register(print, "ended as usual")
never = threading.Event()
with contextlib.suppress(Transient):
    within(0.05, "ClickHouse", never.wait)
if {ends}:
    never.set()
    for thread in threading.enumerate():
        if thread.name == "ClickHouse":
            thread.join()
print("said")
leave_unanswered(130)
raise SystemExit(130)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert done.returncode == 130
    assert done.stdout.splitlines() == ["said", "ended as usual"][: 1 + ends]


def test_a_command_ends_at_once_where_its_end_begins_a_call() -> None:
    """Ctrl-C in the middle of an answer closes it, once nobody holds its frames any more."""
    script = """
import atexit, sys, threading
from candlewick import cli
from clients.limits import begun

def batches():
    try:
        yield 1
    finally:
        begun("closing an answer", threading.Event().wait)

def stopped():
    for _ in batches():
        sys.exit(130)

atexit.register(print, "ended as usual")
cli.build_app = lambda names: stopped
cli.main()
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_an_answer_that_is_awaited_has_a_limit_too_and_is_cancelled() -> None:
    cancelled = []

    async def drip() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    async def own() -> None:
        raise TimeoutError("its own")

    with pytest.raises(Transient, match="the exchange has not answered"):
        asyncio.run(answered(0.01, "the exchange", drip()))
    with pytest.raises(TimeoutError, match="its own"):
        asyncio.run(answered(9, "the exchange", own()))
    assert cancelled


@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=120))
def test_only_input_without_an_attempt_for_the_whole_limit_is_a_stall(
    seconds: list[tuple[bool, bool]],
) -> None:
    stall, attempts, idle = Stall(LIMIT_S), 0, 0
    stall.is_there(attempts=0, input_waits=True, now_s=0.0)
    for second, (ended, waits) in enumerate(seconds, 1):
        attempts += ended
        idle = 0 if ended or not waits else idle + 1
        assert stall.is_there(attempts=attempts, input_waits=waits, now_s=float(second)) == (
            idle > LIMIT_S
        )


def test_a_process_that_was_frozen_as_a_whole_has_its_time_again() -> None:
    stall = Stall(LIMIT_S)
    for second in range(10):
        stall.is_there(attempts=0, input_waits=True, now_s=float(second))

    assert not stall.is_there(attempts=0, input_waits=True, now_s=200.0)
    assert not stall.is_there(attempts=0, input_waits=True, now_s=201.0)


def test_a_process_without_progress_is_given_up_with_its_reason() -> None:
    told: list[str] = []
    over = threading.Event()

    def give_up(reason: str) -> None:
        told.append(reason)
        over.set()

    Progress(0.0, give_up=give_up).watch()

    assert over.wait(LIMIT_S)
    assert told == ["no progress for 0 s"]


STUCK = """
import ctypes, logging
from clients import process
process.GRACE_S = 0.2
ending = process.Ending()
ending.watch()
library, mutex = ctypes.CDLL(None), ctypes.create_string_buffer(128)
print("ready", flush=True)
for _ in range(2):
    library.pthread_mutex_lock(mutex)  # the second never returns, whatever signal comes
"""


def test_a_signal_is_seen_while_the_main_thread_is_inside_a_library() -> None:
    child = subprocess.Popen([sys.executable, "-c", STUCK], stdout=subprocess.PIPE, cwd=ROOT)
    assert child.stdout is not None
    assert child.stdout.readline() == b"ready\n"
    child.send_signal(signal.SIGTERM)
    with child.stdout:
        assert child.wait(LIMIT_S) == START_ME_AGAIN


ORIGINS = st.builds(
    Origin,
    reason=st.text(max_size=50),
    topic=st.just("market.trades.v1"),
    partition=st.integers(0, 9),
    offset=st.integers(0, 2**62),
    reader=st.just("sinks"),
    key=st.none() | st.binary(max_size=99),
    headers=st.lists(st.tuples(st.text(max_size=9), st.binary(max_size=9)), max_size=9).map(tuple),
)


@given(st.binary(max_size=2000), ORIGINS)
def test_a_dead_letter_says_all_about_its_record(raw: bytes, origin: Origin) -> None:
    message = letter_of(raw, origin)
    letter = read_letter(message.value, message.headers)

    assert (letter.origin, letter.value, letter.is_whole) == (origin, raw, True)
    assert message.key == f"market.trades.v1/{origin.partition}/{origin.offset}".encode()


def test_a_letter_of_whatever_size_fits_into_a_record_of_the_default_size() -> None:
    origin = Origin(
        "r" * 10**6, "t", 0, 0, source="s" * 10**6, key=b"k" * 10**6,
        headers=tuple(("h" * 10**5, b"v" * 10**5) for _ in range(100)),
    )  # fmt: skip
    message = letter_of(b"x" * 10**7, origin)
    size = len(message.value) + sum(len(n) + len(v) for n, v in message.headers)
    letter = read_letter(message.value, message.headers)

    assert size < 500_000
    assert (len(letter.value), letter.length, letter.is_whole) == (LARGEST_VALUE, 10**7, False)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["length", "origin-offset", "retried-ms", "x"]), st.binary(max_size=30)
        )
    ),
    st.none() | st.binary(max_size=30),
)
def test_headers_of_anybody_else_are_read_as_unknown(
    headers: list[tuple[str, bytes | str | None]], value: bytes | None
) -> None:
    letter = read_letter(value, headers)

    assert letter.origin.partition == -1
    assert letter.value == (value or b"")
