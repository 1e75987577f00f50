"""A pool of processes that replay history, so that live work does not wait.

They end when the replay is done, because each takes as much memory as the live process.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from typing import TypeVar

from processors.predictor.warm_start import begin_warming
from processors.versions.schedule import ModelChange, ModelSchedule
from schemas.errors import Transient
from schemas.settings import Settings

log = logging.getLogger(__name__)
_ResultT = TypeVar("_ResultT")
Work = Callable[[Settings, str, int, tuple[ModelChange, ...]], _ResultT]


class Children:
    """A few processes that each work on one symbol at a time.

    Attributes:
        most: Number of processes at the next start.
        niceness: Niceness of the processes at the next start.
    """

    def __init__(
        self, settings: Settings, changes: ModelSchedule, *, most: int, niceness: int
    ) -> None:
        self.most = most
        self.niceness = niceness
        self._settings = settings
        self._changes = changes
        self._pool: ProcessPoolExecutor | None = None
        self._needed = 0

    async def run(self, work: Work[_ResultT], symbol: str, until_ms: int) -> _ResultT:
        """Run the work and return its result; retry while ClickHouse or Kafka is unavailable."""
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
        """Keep the processes alive; they end when the last such block is left."""
        self._needed += 1
        try:
            yield
        finally:
            self._needed -= 1
            if not self._needed:
                self.close()

    def start(self) -> None:
        """Start the processes before there is work, as starting them takes seconds."""
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
        """Shut the pool down and cancel waiting work."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None
