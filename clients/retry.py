"""Asking again: for as long as the other side says, or with longer and longer pauses."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from clients.watching.log import EventLog
from clients.watching.metrics import RETRIES
from schemas.errors import Transient

_log = EventLog(__name__)
ValueT = TypeVar("ValueT")
FAILURES: Final = 8
LONGEST_S: Final = 30.0
_MOST_DOUBLED: Final = 64  # beyond any longest pause; a float ends after 1,023 doublings
TOLD_S: Final = 1.0  # a longer wait is one that the other side asked for


async def persistently(ask: Callable[[], Awaitable[ValueT]]) -> ValueT:
    """Return the answer; ask again after a `Transient`.

    A wait that the exchange asked for (429, 418, the minute's limit) is kept and does not count
    as a failure.

    Raises:
        Transient: The eighth failure on end, after about a minute.
    """
    failures = 0
    while True:
        try:
            return await ask()
        except Transient as error:
            told = error.retry_after_s > TOLD_S
            failures += not told
            if failures == FAILURES:
                raise
            RETRIES.labels("request").inc()
            _log.warning("request_retried", "{error}; asking again", error=error)
            await asyncio.sleep(pause_s(failures, error.retry_after_s))


def doubled(first: float, times: int, longest: float) -> float:
    """Return a pause that is twice as long each time, up to the longest, in the unit of both.

    >>> [doubled(0.5, times, 30.0) for times in (0, 1, 2_000)]
    [0.5, 1.0, 30.0]
    """
    return min(first * 2.0 ** min(times, _MOST_DOUBLED), longest)


def pause_s(failures: int, least_s: float) -> float:
    """Return how long to wait after so many failures, and at least as long as was asked for."""
    grown = doubled(0.25, failures, LONGEST_S)
    jitter = random.uniform(0.0, 0.25)  # noqa: S311 - spreads requests, protects nothing
    # An hour that the other side asked for is not made longer by a quarter.
    longest_s = max(least_s, grown)
    return longest_s + min(longest_s, LONGEST_S) * jitter
