"""A client of the live stream of an application in this process, over no socket."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from starlette.types import ASGIApp, Message, Scope

DEADLINE_S = 20.0
ADDRESS = "192.0.2.7"
_BASE = {"client": (ADDRESS, 1), "query_string": b"", "headers": []}
Headers = dict[str, str]


@dataclass(slots=True)
class AsgiStream:
    """What the application has sent; it is told to leave when the block ends."""

    messages: list[Message] = field(default_factory=list)
    _arrived: asyncio.Event = field(default_factory=asyncio.Event)
    _over: asyncio.Event = field(default_factory=asyncio.Event)
    _task: "asyncio.Task[None] | None" = None

    @property
    def text(self) -> str:
        """All server-sent events so far."""
        return b"".join(message.get("body", b"") for message in self.messages).decode()

    async def until(self, count: int) -> None:
        """Wait until the application has sent so many messages."""
        async with asyncio.timeout(DEADLINE_S):
            while len(self.messages) < count:
                self._arrived.clear()
                await self._arrived.wait()

    async def ended(self) -> None:
        """Wait until the application ends the stream by itself."""
        assert self._task is not None
        async with asyncio.timeout(DEADLINE_S):
            await asyncio.shield(self._task)

    async def answered_by(self, app: ASGIApp, scope: Scope) -> None:
        """Let an application answer."""
        kind, asked = scope["type"], False

        async def receive() -> Message:
            nonlocal asked
            if kind == "websocket" and not asked:
                asked = True
                return {"type": "websocket.connect"}
            await self._over.wait()
            return {"type": f"{kind}.disconnect"}

        async def send(message: Message) -> None:
            self.messages.append(message)
            self._arrived.set()

        self._task = asyncio.create_task(app(scope, receive, send))  # type: ignore[arg-type]

    async def leave(self) -> None:
        """Go, as a client does."""
        self._over.set()
        await self.ended()


@asynccontextmanager
async def sse(app: ASGIApp, headers: Headers, query: str = "") -> AsyncIterator[AsgiStream]:
    """A client of server-sent events."""
    scope = {"type": "http", "method": "GET", "path": "/v1/stream", "headers": _raw(headers)}
    async with _opened(app, scope | {"query_string": query.encode()}) as stream:
        yield stream


@asynccontextmanager
async def websocket(
    app: ASGIApp, headers: Headers, query: str = "", address: str = ADDRESS
) -> AsyncIterator[AsgiStream]:
    """A client of the websocket."""
    scope = {"type": "websocket", "path": "/v1/stream/ws", "query_string": query.encode()}
    scope |= {"headers": _raw(headers), "client": (address, 1)}
    async with _opened(app, scope) as stream:
        yield stream


@asynccontextmanager
async def _opened(app: ASGIApp, scope: Scope) -> AsyncIterator[AsgiStream]:
    stream = AsgiStream()
    await stream.answered_by(app, {**_BASE, **scope})
    try:
        yield stream
    finally:
        await stream.leave()


def _raw(headers: Headers) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode()) for name, value in headers.items()]
