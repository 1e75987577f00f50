"""The body of a request, read by the thread that runs its statement."""

from collections.abc import Iterator

import anyio
from anyio import from_thread
from starlette.types import Receive


class ClientGoneError(Exception):
    """The client closed the connection before its answer was complete."""


class Body:
    """The pieces of a request's body, in the order they arrive."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._read = anyio.Event()
        self._held: list[bytes] = []
        self._left = False

    async def begin(self, most_bytes: int) -> None:
        """Read ahead `most_bytes` or the whole body, so that no thread waits for a short one.

        Raises:
            ClientGoneError: The connection closed inside the body.
        """
        while not self._read.is_set() and sum(map(len, self._held)) < most_bytes:
            self._held.append(await self._next())

    def pieces(self) -> Iterator[bytes]:
        """Yield the remaining pieces; call it in a worker thread.

        Raises:
            ClientGoneError: The connection closed inside the body.
        """
        while self._held:
            if piece := self._held.pop(0):
                yield piece
        while not self._read.is_set():
            if piece := from_thread.run(self._next):
                yield piece

    async def next_piece(self) -> bytes | None:
        """Return the next piece, or None at the end of the body.

        Raises:
            ClientGoneError: The connection closed inside the body.
        """
        if self._held:
            return self._held.pop(0)
        return None if self._read.is_set() else await self._next()

    async def drain(self) -> None:
        """Read the rest of the body and discard it."""
        while not self._read.is_set():
            await self._next()

    async def client_leaves(self) -> None:
        """Wait until the body has been read and then the connection closes."""
        await self._read.wait()
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._left = True

    def refuse_if_left(self) -> None:
        """Raise if the connection has closed, in whose place nothing need be run.

        Raises:
            ClientGoneError: It has closed.
        """
        if self._left:
            raise ClientGoneError

    async def _next(self) -> bytes:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            self._read.set()
            raise ClientGoneError
        if not message.get("more_body", False):
            self._read.set()
        return bytes(message.get("body", b""))
