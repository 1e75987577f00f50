"""How long a call to the outside may take as a whole: written here once, for both kinds of code.

A library's own limit is mostly one between two bytes, or it has none where a reply never comes: an
answer that drips, or a server that is frozen, would hold the caller for ever.
"""

import asyncio
import os
import sys
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from typing import TypeVar
from weakref import WeakSet

from schemas.errors import Transient

ValueT = TypeVar("ValueT")
_begun: "WeakSet[threading.Thread]" = WeakSet()


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
    answer = begun(what, call)
    try:
        return answer.result(limit_s)
    except TimeoutError as error:
        if answer.done():  # the call's own
            raise
        raise _too_late(limit_s, what) from error


def begun(what: str, call: Callable[[], ValueT]) -> Future[ValueT]:
    """Begin a call in a thread of its own; return its answer, for which nobody has to wait."""
    answer: Future[ValueT] = Future()

    def run() -> None:
        try:
            answer.set_result(call())
        except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
            answer.set_exception(error)

    thread = threading.Thread(target=run, name=what, daemon=True)
    _begun.add(thread)
    thread.start()
    return answer


def leave_unanswered(exit_code: int) -> None:
    """End the process at once if a call that was begun is still at work.

    The interpreter must not end as usual then: a thread that comes back from native code while it
    does is unwound through that code, which aborts the process.
    """
    if any(thread.is_alive() for thread in list(_begun)):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(exit_code)


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
