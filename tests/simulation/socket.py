"""One websocket of the simulated exchange."""

import asyncio
from collections.abc import Sequence

from producers.binance.sockets.inbox import Inbox


class Socket:
    """One side of a websocket that the exchange serves."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.inbox = Inbox()
        self.is_closed = False
        self._loop = loop
        self._ended = loop.create_future()
        self._is_paused = False
        self._held: list[bytes] = []

    def receive(self, frames: Sequence[bytes]) -> None:
        if self.is_closed:
            return
        self._held += frames
        if not self._is_paused:
            self.resume()

    def pause(self) -> None:
        self._is_paused = True

    def resume(self) -> None:
        self._is_paused = False
        frames, self._held = self._held, []
        for frame in frames:
            self.inbox.add(frame, begins=True, ends=True)
        self.inbox.deliver()
        if self.inbox.failure is not None:
            self.cut()

    def ping(self) -> None:
        if not self.is_closed:
            self.inbox.ping()

    def cut(self) -> None:
        self.is_closed = True
        if not self._ended.done():
            self._ended.set_result(None)

    async def close(self) -> None:
        self.cut()

    async def ended(self) -> None:
        await asyncio.shield(self._ended)
