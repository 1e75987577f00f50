"""How many requests a client may send, and how dear work takes turns."""

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.types import Message, Scope

from api.http.client_address import client_of
from api.http.problems import Problem
from api.http.rate_limits import MOST_REMEMBERED, Rates, RequestRate
from api.http.thread_pools import PacedResponse, StoreThreads, Turns, heavy_in_turn

PER_MINUTE = 60


class Clock:
    now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def connection(host: str, path: str = "/v1/candles", kind: str = "http") -> HTTPConnection:
    return HTTPConnection({"type": kind, "client": (host, 1), "path": path, "headers": []})


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("x" * 1000, "x" * 64),
    ],
)
def test_a_client_is_an_address_or_a_network_of_ipv6(host: str, name: str) -> None:
    assert client_of(connection(host)) == name


@given(st.lists(st.floats(0, 30), min_size=1, max_size=300))
def test_in_no_minute_are_more_let_in_than_a_full_bucket_and_what_came_meanwhile(
    pauses: list[float],
) -> None:
    clock = Clock()
    rates, allowed = Rates(PER_MINUTE, clock), list[float]()
    for pause in pauses:
        clock.now_s += pause / 10
        if rates.wait_s("x") == 0:
            allowed.append(clock.now_s)

    for n, start in enumerate(allowed):
        within = [at for at in allowed[n:] if at - start <= 60]
        assert len(within) <= PER_MINUTE + PER_MINUTE
    assert len(allowed) >= min(len(pauses), PER_MINUTE)


def test_who_waits_as_long_as_is_said_is_let_in_and_others_are_not_touched() -> None:
    clock = Clock()
    rates = Rates(PER_MINUTE, clock)
    assert [rates.wait_s("x") for _ in range(PER_MINUTE)] == [0] * PER_MINUTE

    wait_s = rates.wait_s("x")

    assert wait_s == 1
    assert rates.wait_s("y") == 0
    clock.now_s += wait_s
    assert rates.wait_s("x") == 0
    assert rates.wait_s("x") > 0


def test_without_a_limit_nobody_waits_and_nobody_is_remembered() -> None:
    rates = Rates(0, Clock())

    assert not any(rates.wait_s("x") for _ in range(10_000))
    assert not rates._buckets


def test_a_crowd_of_addresses_takes_no_more_memory() -> None:
    rates = Rates(PER_MINUTE, Clock())
    for n in range(MOST_REMEMBERED + 500):
        rates.wait_s(str(n))

    assert len(rates._buckets) == MOST_REMEMBERED


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/v1/stream", "/static/js/main.js"])
def test_the_stream_the_pages_files_and_who_watches_do_not_count(path: str) -> None:
    rates = Rates(1, Clock())

    for _ in range(100):
        rates.check(connection("192.0.2.7", path), "x")
    rates.check(connection("192.0.2.7"), "x")
    with pytest.raises(Problem):
        rates.check(connection("192.0.2.7"), "x")


def test_beyond_the_limit_it_is_said_as_a_problem_and_nothing_is_asked() -> None:
    asked: list[str] = []

    async def app(scope: Scope, _receive: object, _send: object) -> None:
        asked.append(scope["path"])

    rated = RequestRate(app, rates=Rates(2, Clock()))
    sent = [send_through(rated, connection("192.0.2.7").scope) for _ in range(3)]

    assert asked == ["/v1/candles"] * 2
    assert sent[2][0]["status"] == 429
    headers = dict(sent[2][0]["headers"])
    assert headers[b"retry-after"] == b"30"
    assert headers[b"content-type"] == b"application/problem+json"


def send_through(app: Callable[..., object], scope: Scope) -> list[Message]:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.request"}

    async def call() -> None:
        await app(scope, receive, send)  # type: ignore[misc]

    asyncio.run(call())
    return sent


def test_no_more_work_at_a_time_than_there_are_places() -> None:
    turns = Turns(2, waiting=100, of_one=100, retry_after_s=1)
    lock, now, most = threading.Lock(), 0, 0
    both = threading.Barrier(2)

    def work() -> None:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        both.wait(20)  # both places are used
        with lock:
            now -= 1

    async def all_at_once() -> None:
        await asyncio.gather(*(turns.run(str(n), work) for n in range(20)))

    asyncio.run(all_at_once())

    assert most == 2


def test_a_client_has_only_its_share() -> None:
    turns = Turns(1, waiting=3, of_one=2, retry_after_s=7)
    turns.enter("a")
    turns.enter("a")
    with pytest.raises(Problem) as refused:
        turns.enter("a")
    turns.enter("b")
    turns.leave("a")
    turns.enter("a")

    assert refused.value.kind.status == 429
    assert refused.value.members.retry_after_s == 7


def test_beyond_those_who_work_and_wait_nobody_waits() -> None:
    over = threading.Event()

    async def play() -> list[object]:
        turns = Turns(2, waiting=3, of_one=1, retry_after_s=7)
        asked = [asyncio.create_task(turns.run(str(n), partial(over.wait, 20))) for n in range(9)]
        await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
        over.set()
        return await asyncio.gather(*asked, return_exceptions=True)

    found = asyncio.run(play())

    assert found[:5] == [True] * 5
    assert all(isinstance(refused, Problem) for refused in found[5:])


def test_a_place_is_given_back_when_the_work_fails() -> None:
    def fail() -> None:
        raise RuntimeError

    async def play() -> None:
        turns = Turns(1, waiting=0, of_one=1, retry_after_s=1)
        for _ in range(3):
            with pytest.raises(RuntimeError):
                await turns.run("a", fail)
        assert not turns._inside

    asyncio.run(play())


@dataclass(frozen=True)
class Dependencies:
    heavy: Turns
    store: StoreThreads


class App:
    class state:  # noqa: N801 - as starlette has it
        parts: Dependencies


@pytest.mark.parametrize("limit", [5000, 5001])
def test_a_large_answer_keeps_its_place_until_it_is_read(limit: int) -> None:
    body = b"x" * 1_000_000

    @heavy_in_turn
    def route(*, request: Request, limit: int) -> Response:
        del request, limit
        return Response(body)

    async def play() -> None:
        turns = Turns(1, waiting=0, of_one=1, retry_after_s=1)
        App.state.parts = Dependencies(turns, StoreThreads(1, waiting=0, wait_s=1.0))
        scope = {"type": "http", "method": "GET", "client": ("::1", 1), "app": App, "headers": []}
        answer = await route(request=Request(scope), limit=limit)
        assert bool(turns._inside) is (limit > 5000)
        sent: list[bytes] = []

        async def send(message: Message) -> None:
            assert not isinstance(answer, PacedResponse) or turns._inside
            sent.append(message.get("body", b""))

        await answer({"type": "http"}, partial(asyncio.sleep, 0), send)  # type: ignore[arg-type]
        assert b"".join(sent) == body
        assert not turns._inside

    asyncio.run(play())


def test_a_route_that_would_never_wait_its_turn_is_refused() -> None:
    def route(*, days: int) -> Response:
        return Response(str(days))

    with pytest.raises(TypeError, match="heavy_if"):
        heavy_in_turn(route)
