"""Middleware for every request and answer: a limit on the body, and no guessing of media types."""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.http import problems
from api.http.problems import Problem
from api.http.responses import problem_response

MOST_DROPPED_BYTES = 64_000_000


class BodyLimit:
    """Refuses bodies that are too large, announced or not; a body is passed on only when complete.

    Args:
        app: The application to protect.
        most: Largest body, in bytes.
    """

    def __init__(self, app: ASGIApp, *, most: int) -> None:
        self._app = app
        self._most = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on if its body is small enough."""
        if scope["type"] != "http" or scope["method"] in {"GET", "HEAD"}:
            await self._app(scope, receive, send)
        elif _announced(scope) > self._most:
            await self._refuse(scope, receive, send)
        else:
            await self._pass_on(scope, receive, send)

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        body, more = bytearray(), True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message.get("body", b"")
            more = message.get("more_body", False)
            if len(body) > self._most:
                await self._refuse(scope, receive, send, more=more)
                return
        await self._app(scope, _replayed(bytes(body), receive), send)

    async def _refuse(
        self, scope: Scope, receive: Receive, send: Send, *, more: bool = True
    ) -> None:
        detail = f"the body is larger than {self._most} bytes"
        problem = Problem(problems.TOO_LARGE, detail, headers={"Connection": "close"})
        answer = problem_response(problem, instance=scope["path"])
        headers, kind = answer.raw_headers, "http.response.body"
        await send(
            {"type": "http.response.start", "status": answer.status_code, "headers": headers}
        )
        await send({"type": kind, "body": answer.body, "more_body": True})
        # Closing with unread bytes resets the connection, and the client may never read the answer.
        if more and b"expect" not in dict(scope["headers"]):
            await _drop(receive)
        await send({"type": kind, "body": b"", "more_body": False})


class NoSniff:
    """Forbids browsers to guess another media type than the declared one."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and add the header to its answer."""

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).setdefault("X-Content-Type-Options", "nosniff")
            await send(message)

        await self._app(scope, receive, guarded if scope["type"] == "http" else send)


def _announced(scope: Scope) -> int:
    length = dict(scope["headers"]).get(b"content-length", b"0")
    return int(length) if length.isdigit() else 0


async def _drop(receive: Receive) -> None:
    dropped, more = 0, True
    while more and dropped < MOST_DROPPED_BYTES:
        message = await receive()
        dropped += len(message.get("body", b""))
        more = message.get("more_body", False)


def _replayed(body: bytes, receive: Receive) -> Receive:
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def give() -> Message:
        return waiting.pop() if waiting else await receive()

    return give
