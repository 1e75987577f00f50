"""Limits how many requests a minute a client may send.

Source: a token bucket, as in Turner (1986), "New directions in communications".
"""

import math
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from api.http import problems
from api.http.client_address import client_of
from api.http.problems import Members, Problem
from api.http.responses import problem_response

MOST_REMEMBERED = 10_000
_MINUTE_S = 60.0
# Health probes, the page's files, and the stream, which has a limit of its own.
_FREE = ("/livez", "/readyz", "/static/", "/v1/stream")


@dataclass(slots=True)
class _Bucket:
    level: float
    seen_s: float


class Rates:
    """Counts requests by client name; use it in the event loop only.

    Args:
        per_minute: Requests allowed per minute, and in one burst; 0 for no limit.
        clock_s: Clock in monotonic seconds.
    """

    def __init__(self, per_minute: int, clock_s: Callable[[], float]) -> None:
        self._per_minute, self._clock_s = per_minute, clock_s
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def wait_s(self, name: str) -> int:
        """Count a request; return 0 if it is allowed, else the seconds until one will be."""
        if not self._per_minute:
            return 0
        bucket = self._filled(name)
        if bucket.level < 1:
            return math.ceil((1 - bucket.level) * _MINUTE_S / self._per_minute)
        bucket.level -= 1
        return 0

    def check(self, connection: HTTPConnection, name: str) -> None:
        """Count a request, unless its path is free of limits.

        Raises:
            Problem: There were too many; 429.
        """
        scope = connection.scope
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        if not path.startswith(_FREE) and (wait_s := self.wait_s(name)):
            detail = f"more than {self._per_minute} requests a minute"
            raise Problem(problems.SLOW_DOWN, detail, members=Members(retry_after_s=wait_s))

    def _filled(self, name: str) -> _Bucket:
        now_s = self._clock_s()
        bucket = self._buckets.pop(name, None) or _Bucket(self._per_minute, now_s)
        gained = (now_s - bucket.seen_s) * self._per_minute / _MINUTE_S
        bucket.level = min(self._per_minute, bucket.level + gained)
        bucket.seen_s = now_s
        self._buckets[name] = bucket
        while len(self._buckets) > MOST_REMEMBERED:
            self._buckets.popitem(last=False)
        return bucket


class RequestRate:
    """Middleware that refuses requests from an address that sends too many."""

    def __init__(self, app: ASGIApp, *, rates: Rates) -> None:
        self._app, self._rates = app, rates

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on unless there were too many before it."""
        if scope["type"] == "http":
            connection = HTTPConnection(scope)
            try:
                self._rates.check(connection, f"address {client_of(connection)}")
            except Problem as problem:
                await problem_response(problem, instance=scope["path"])(scope, receive, send)
                return
        await self._app(scope, receive, send)
