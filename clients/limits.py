"""How long a call to the outside may take as a whole: written here once, for both kinds of code.

A library's own limit is mostly one between two bytes, or it has none where a reply never comes: an
answer that drips, or a server that is frozen, would hold the caller for ever.
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from typing import TypeVar

from clients.process import abandon
from schemas.errors import Transient

ValueT = TypeVar("ValueT")


def within(limit_s: float, what: str, call: Callable[[], ValueT]) -> ValueT:
    """Return what a call that blocks returns.

    The call has a thread of its own. One that is given up goes on there until it ends, or until
    the process does: what it would still change must be harmless.

    Args:
        limit_s: How long to wait, in seconds.
        what: Who is asked for what, for the error: "ClickHouse at host:8123 (insert)".
        call: Asks.

    Raises:
        Transient: It has not ended in time. What the call raises is raised as it is.
    """
    answer, thread = begun(what, call)
    try:
        return answer.result(limit_s)
    except TimeoutError as error:
        if answer.done():  # the call's own
            raise
        raise _too_late(limit_s, what) from error
    finally:
        if not answer.done():  # too late, or Ctrl-C
            abandon(thread)


def begun(what: str, call: Callable[[], ValueT]) -> tuple[Future[ValueT], threading.Thread]:
    """Begin a call in a thread of its own; return its answer and the thread.

    Whoever stops waiting for it has to `abandon` the thread.
    """
    answer: Future[ValueT] = Future()

    def run() -> None:
        try:
            answer.set_result(call())
        except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
            answer.set_exception(error)

    thread = threading.Thread(target=run, name=what, daemon=True)
    thread.start()
    return answer, thread


async def answered(limit_s: float, what: str, call: Awaitable[ValueT]) -> ValueT:
    """Return what a call returns; one that is given up is cancelled. Raises as `within` does."""
    bound = asyncio.timeout(limit_s)
    try:
        async with bound:
            return await call
    except TimeoutError as error:
        if not bound.expired():  # the call's own
            raise
        raise _too_late(limit_s, what) from error


def _too_late(limit_s: float, what: str) -> Transient:
    return Transient(f"{what} has not answered within {limit_s:g} s")
