"""Processes that replay history, so that what is live does not wait; they end when it is done.

Each holds as much memory as all that is live.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from typing import TypeVar

from processors.predictor.warm_start import begin_warming
from processors.versions.schedule import Change, Changes
from schemas.errors import Transient
from schemas.settings import Settings

log = logging.getLogger(__name__)
_ResultT = TypeVar("_ResultT")
Work = Callable[[Settings, str, int, tuple[Change, ...]], _ResultT]


class Children:
    """A few processes for work on one symbol each.

    Attributes:
        most: How many, when they are started next.
        niceness: Theirs, likewise.
    """

    def __init__(self, settings: Settings, changes: Changes, *, most: int, niceness: int) -> None:
        self.most = most
        self.niceness = niceness
        self._settings = settings
        self._changes = changes
        self._pool: ProcessPoolExecutor | None = None
        self._needed = 0

    async def run(self, work: Work[_ResultT], symbol: str, until_ms: int) -> _ResultT:
        """Return what comes out; waits for as long as ClickHouse or Kafka is away."""
        while True:
            self.start()
            asked = self._settings, symbol, until_ms, self._changes.of(symbol)
            try:
                return await asyncio.get_running_loop().run_in_executor(self._pool, work, *asked)
            except Transient as error:
                log.warning("%s: %s", symbol, error)
                await asyncio.sleep(error.retry_after_s)

    @contextmanager
    def needed(self) -> Iterator[None]:
        """Keep the processes for more work; they end when the last such block has been left."""
        self._needed += 1
        try:
            yield
        finally:
            self._needed -= 1
            if not self._needed:
                self.close()

    def start(self) -> None:
        """Start the processes, which takes seconds, ahead of their work."""
        if self._pool is None:
            self._pool = ProcessPoolExecutor(
                self.most,
                mp_context=get_context("spawn"),
                initializer=begin_warming,
                initargs=(self.niceness,),
            )
            for _ in range(self.most):
                self._pool.submit(int)

    def close(self) -> None:
        """End the processes, whatever they do."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None
