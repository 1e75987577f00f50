"""Work in a thread for a request, which ends when the client has left."""

import asyncio
import threading
from collections.abc import Callable
from typing import Final, TypeVar

from starlette.requests import Request

CLOSED: Final = 499  # status of an answer that nobody reads
T = TypeVar("T")


class ClientLeft(Exception):  # noqa: N818 - nobody waits for the answer any more
    """The client has closed its connection."""


async def unless_left(request: Request, work: Callable[[Callable[[], None]], T]) -> T:
    """Run `work` in a thread, so that it does not hold up the streams.

    Args:
        request: The client's request; its body is not read.
        work: Gets a function that it calls now and then; this raises once the client has left.

    Raises:
        ClientLeft: The client has left.
    """
    gone = threading.Event()

    def go_on() -> None:
        if gone.is_set():
            raise ClientLeft

    working = asyncio.create_task(asyncio.to_thread(work, go_on))
    waiting = asyncio.create_task(_left(request))
    try:
        await asyncio.wait({working, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            gone.set()
        return await working
    finally:
        gone.set()
        waiting.cancel()


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
