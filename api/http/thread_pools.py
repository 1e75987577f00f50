"""Runs expensive work in a few threads of its own, so that it does not block other requests."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from functools import partial, wraps
from inspect import signature
from typing import TypeVar

from anyio import CapacityLimiter, to_thread
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.http import problems
from api.http.client_address import client_of
from api.http.problems import Members, Problem
from schemas.errors import Transient
from schemas.timeframe import DAY_MS

LIGHT_ROWS = 5_000  # the page asks for 2,881 at most: 30 days of 15m candles and one
LIGHT_DAYS = 31  # the page asks for no more, where all candles or scores of days are read
_PIECE_BYTES = 262_144
_BUSY_S = 5.0
Result = TypeVar("Result")


class Turns:
    """A pool of threads with limits on waiting requests and on the requests of one client.

    Args:
        places: Number of threads.
        waiting: Number of requests that may wait.
        of_one: Number of requests that one client may have running or waiting.
        retry_after_s: Seconds after which a refused client may ask again.
    """

    def __init__(self, places: int, *, waiting: int, of_one: int, retry_after_s: int) -> None:
        self._limiter = CapacityLimiter(places)
        self._most, self._of_one = places + waiting, of_one
        self._inside: Counter[str] = Counter()
        self._working = 0
        self._retry_after_s = retry_after_s

    def enter(self, client: str) -> None:
        """Reserve a place for a request of a client, until `leave`.

        Raises:
            Problem: The client has too many such requests already; 429.
        """
        if self._inside[client] >= self._of_one:
            raise self._refused(f"{self._of_one} such requests of yours are running already")
        self._inside[client] += 1

    def leave(self, client: str) -> None:
        """Release the place."""
        self._inside[client] -= 1
        self._inside += Counter()  # drops clients with a count of zero

    async def work(self, do: Callable[[], Result]) -> Result:
        """Run a function in one of the threads; call this between `enter` and `leave`.

        Raises:
            Problem: Too many requests are waiting already; 429.
        """
        if self._working >= self._most:
            raise self._refused("too many such requests at the same time")
        self._working += 1
        try:
            return await to_thread.run_sync(do, limiter=self._limiter)
        finally:
            self._working -= 1

    async def run(self, client: str, do: Callable[[], Result]) -> Result:
        """Run a function for a client; raises as `enter` and `work` do."""
        self.enter(client)
        try:
            return await self.work(do)
        finally:
            self.leave(client)

    def _refused(self, detail: str) -> Problem:
        return Problem(
            problems.SLOW_DOWN, detail, members=Members(retry_after_s=self._retry_after_s)
        )


class StoreThreads:
    """The threads that wait for the store, and a bounded line of requests that wait for one.

    They are apart from those of all other work, which a store that stands still must not hold up.

    Args:
        places: Number of threads.
        waiting: Number of requests that may wait.
        wait_s: Seconds that a request waits at most.
    """

    def __init__(self, places: int, *, waiting: int, wait_s: float) -> None:
        self._places = CapacityLimiter(places)
        self._waiting, self._wait_s = waiting, wait_s

    async def work(self, do: Callable[[], Result]) -> Result:
        """Run a function in one of the threads.

        Raises:
            Transient: Too many requests are waiting already, or this one has waited too long.
        """
        line = self._places.statistics()
        is_full = line.borrowed_tokens >= line.total_tokens
        if is_full and line.tasks_waiting >= self._waiting:
            raise Transient("too many questions to ClickHouse wait already", retry_after_s=_BUSY_S)
        asking = object()
        await self._place(asking)
        try:
            return await to_thread.run_sync(do, limiter=CapacityLimiter(1))  # it has its place
        finally:
            self._places.release_on_behalf_of(asking)

    async def _place(self, asking: object) -> None:
        try:
            async with asyncio.timeout(self._wait_s):
                await self._places.acquire_on_behalf_of(asking)
        except TimeoutError as error:
            raise Transient(
                f"ClickHouse was busy with the questions of others for {self._wait_s:g} s",
                retry_after_s=_BUSY_S,
            ) from error


class PacedResponse(Response):
    """A large body sent in pieces as the client reads it, with a callback at the end."""

    def __init__(self, whole: Response, done: Callable[[], None]) -> None:
        super().__init__(whole.body, whole.status_code)
        self.raw_headers = whole.raw_headers
        self._done = done

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the body piece by piece, then call ``done``."""
        del scope, receive
        body, kind = memoryview(self.body), "http.response.body"
        head = {"type": "http.response.start", "status": self.status_code}
        try:
            await send({**head, "headers": self.raw_headers})
            for at in range(0, len(body), _PIECE_BYTES):
                piece = bytes(body[at : at + _PIECE_BYTES])
                await send({"type": kind, "body": piece, "more_body": True})
            await send({"type": kind, "body": b"", "more_body": False})
        finally:
            self._done()


def asks_store(route: Callable[..., Result]) -> Callable[..., Awaitable[Result]]:
    """Run a route, which takes the request as ``request``, in the threads that ask the store."""

    @wraps(route)
    async def asked(**given: object) -> Result:
        return await _store_of(_request_of(given)).work(partial(route, **given))

    return asked


def heavy_if(
    is_heavy: Callable[..., bool],
) -> Callable[[Callable[..., Response]], Callable[..., Awaitable[Response]]]:
    """Return a decorator that runs a route in the pool of heavy requests if its cost is large.

    All others run in the threads that ask the store. A client keeps its place for a heavy request
    until it has read the answer, which stays in memory until then.

    Args:
        is_heavy: Called with the parameters of the route, by name.
    """

    def decorated(route: Callable[..., Response]) -> Callable[..., Awaitable[Response]]:
        @wraps(route)
        async def turned(**given: object) -> Response:
            request, do = _request_of(given), partial(route, **given)
            if not is_heavy(**given):
                return await _store_of(request).work(do)
            turns: Turns = request.app.state.parts.heavy
            client = client_of(request)
            turns.enter(client)
            try:
                answer = await turns.work(do)
            except BaseException:
                turns.leave(client)
                raise
            return PacedResponse(answer, partial(turns.leave, client))

        return turned

    return decorated


def heavy_in_turn(route: Callable[..., Response]) -> Callable[..., Awaitable[Response]]:
    """Run a route in the pool of heavy requests if it is asked for many rows.

    Raises:
        TypeError: The route has no limit of rows, so nothing would ever be heavy.
    """
    if "limit" not in signature(route).parameters:
        raise TypeError(f"{route.__name__} has no limit of rows: say with heavy_if what is heavy")
    return heavy_if(_asks_many_rows)(route)


def reads_long(from_ms: int, until_ms: int) -> bool:
    """Return whether a range of the past has more days than the page asks for at a time."""
    return min(until_ms, time.time_ns() // 1_000_000) - from_ms > LIGHT_DAYS * DAY_MS


def _request_of(given: dict[str, object]) -> Request:
    request = given.get("request")
    if not isinstance(request, Request):
        raise TypeError("a route that asks the store takes the request as `request`")
    return request


def _store_of(request: Request) -> StoreThreads:
    store: StoreThreads = request.app.state.parts.store
    return store


def _asks_many_rows(*, limit: int, **_: object) -> bool:
    return limit > LIGHT_ROWS
