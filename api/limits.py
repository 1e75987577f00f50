"""A bound on what a request may send, before anything reads it."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import problems
from api.answers import problem_response
from api.problems import Problem


class BodyLimit:
    """Refuses bodies that are too large, announced or not.

    Args:
        app: The application behind it.
        most: Bytes.
    """

    def __init__(self, app: ASGIApp, *, most: int) -> None:
        self._app = app
        self._most = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on while its body is small enough."""
        if scope["type"] != "http" or scope["method"] in {"GET", "HEAD"}:
            await self._app(scope, receive, send)
            return
        body = await self._read(scope, receive)
        if body is None:
            detail = f"the body is larger than {self._most} bytes"
            problem = Problem(problems.TOO_LARGE, detail, headers={"Connection": "close"})
            await problem_response(problem, instance=scope["path"])(scope, receive, send)
            return
        await self._app(scope, _replayed(body, receive), send)

    async def _read(self, scope: Scope, receive: Receive) -> bytes | None:
        length = dict(scope["headers"]).get(b"content-length", b"0")
        if length.isdigit() and int(length) > self._most:
            return None
        body, more = bytearray(), True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
            if len(body) > self._most:
                return None
        return bytes(body)


def _replayed(body: bytes, receive: Receive) -> Receive:
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def give() -> Message:
        return waiting.pop() if waiting else await receive()

    return give
