"""Server-sent events over ASGI; ends when the client leaves or stops reading."""

import asyncio
from contextlib import aclosing

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.live.connection import until_either
from api.live.events import Frames

HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


class EventStream(Response):
    """An endless response.

    Args:
        frames: Lists of frames to send.
        patience_s: Seconds that a client may leave bytes unread before it is disconnected.
    """

    media_type = "text/event-stream"

    def __init__(self, frames: Frames, *, patience_s: float) -> None:
        super().__init__(headers=HEADERS)
        del self.headers["content-length"]
        self._frames = frames
        self._patience_s = patience_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the frames end or the client leaves; an error before the first is raised."""
        del scope
        async with aclosing(self._frames):
            first = await anext(self._frames)
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            await until_either(self._send(first, send), _left(receive))

    async def _send(self, first: list[bytes], send: Send) -> None:
        await self._send_piece(first, send)
        async for frames in self._frames:
            await self._send_piece(frames, send)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _send_piece(self, frames: list[bytes], send: Send) -> None:
        message = {"type": "http.response.body", "body": b"".join(frames), "more_body": True}
        async with asyncio.timeout(self._patience_s):
            await send(message)


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
