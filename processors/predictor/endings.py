"""How work on a symbol and on a candle ends: it succeeded at last, and Kafka has what followed."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from clients.process import leave
from clients.watching.log import EventLog
from clients.watching.metrics import RETRIES
from processors.predictor.ports import Acknowledgements, Done

_log = EventLog(__name__)
AGAIN_S: Final = 60.0
_ResultT = TypeVar("_ResultT")


async def insisted(work: Callable[[], Awaitable[_ResultT]], symbol: str) -> _ResultT:
    """Do work until it succeeds: a fault of one symbol must not stop the others."""
    while True:
        try:
            return await work()
        except Exception as error:  # noqa: BLE001 - its trace is logged
            RETRIES.labels("warm_up").inc()
            _log.exception(
                "symbol_not_warmed",
                "{symbol}: it cannot be warmed; the next try is in a minute",
                error,
                symbol=symbol,
            )
            await asyncio.sleep(AGAIN_S)


async def is_done_within(seconds: float | None, task: asyncio.Task[object]) -> bool:
    """Wait for a task, for ever without a limit; it ends with the one who waits."""
    try:
        await asyncio.wait([task], timeout=seconds)
    except asyncio.CancelledError:
        task.cancel()
        raise
    return task.done()


async def end(published: Acknowledgements, done: Done) -> None:
    """Call ``done`` once Kafka has everything."""
    try:
        if published:
            await asyncio.wait(published)
        for sent in published:
            sent.result()
        await done()
    except Exception as error:  # noqa: BLE001 - its trace is logged
        _log.exception("predictions_not_taken", "Kafka does not take predictions", error)
        leave("the candles whose predictions Kafka does not have must be read again")


class Endings:
    """What is not done until Kafka has all that followed from it; what comes next does not wait."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, published: Acknowledgements, done: Done) -> None:
        """Let ``done`` be called once Kafka has everything."""
        task = asyncio.create_task(end(published, done))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def cancel(self) -> None:
        """Call nothing any more: all is read again."""
        for task in self._tasks:
            task.cancel()
