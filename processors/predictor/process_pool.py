"""A pool of processes that replay history, so that live work does not wait.

They end when the work is done. Those of the start are copies of the live process: they share the
memory of what it has imported, and need not import it again, which takes seconds.
"""

import asyncio
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context
from typing import TypeVar

from clients.watching.log import EventLog
from clients.watching.metrics import RETRIES
from processors.predictor.warm_start import begin_warming
from processors.versions.schedule import ModelChange, ModelSchedule
from schemas.errors import Transient
from schemas.settings import Settings

_log = EventLog(__name__)
MOST_DEATHS = 3  # of one piece of work: it may itself be what ends the processes
_ResultT = TypeVar("_ResultT")
Work = Callable[[Settings, str, int, tuple[ModelChange, ...]], _ResultT]


class Children:
    """A few processes that each work on one symbol at a time.

    Attributes:
        niceness: Niceness of the processes at the next start.
    """

    def __init__(
        self, settings: Settings, changes: ModelSchedule, *, most: int, niceness: int
    ) -> None:
        self.niceness = niceness
        self._most = most
        self._settings = settings
        self._changes = changes
        self._pool: ProcessPoolExecutor | None = None
        self._needed = 0

    async def run(self, work: Work[_ResultT], symbol: str, until_ms: int) -> _ResultT:
        """Run the work and return its result; retry while ClickHouse or Kafka is unavailable.

        Raises:
            BrokenProcessPool: Processes at this work were ended from outside several times.
        """
        deaths = 0
        while True:
            pool = self.start()
            asked = self._settings, symbol, until_ms, self._changes.of(symbol)
            try:
                return await asyncio.get_running_loop().run_in_executor(pool, work, *asked)
            except BrokenProcessPool:  # by a system short of memory, for example
                deaths += 1
                if self._pool is pool:
                    self.close()
                if deaths == MOST_DEATHS:
                    raise
                RETRIES.labels("warm_up").inc()
                _log.warning(
                    "replay_process_died", "{symbol}: a replay process was ended", symbol=symbol
                )
            except Transient as error:
                RETRIES.labels("warm_up").inc()
                _log.warning("warm_up_retried", "{symbol}: {error}", symbol=symbol, error=error)
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

    def start(self) -> ProcessPoolExecutor:
        """Start the processes before there is work, as starting them takes seconds."""
        if self._pool is None:
            self._pool = ProcessPoolExecutor(
                self._most,
                mp_context=get_context("fork" if _may_fork() else "spawn"),
                initializer=begin_warming,
                initargs=(self.niceness,),
            )
            for _ in range(self._most):
                self._pool.submit(int)
        return self._pool

    def close(self) -> None:
        """Shut the pool down and cancel waiting work."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None


def _may_fork() -> bool:
    # A thread may hold a lock, and a copy of its process would wait for that for ever. On macOS
    # system libraries refuse to work in a copy.
    return sys.platform == "linux" and threading.active_count() == 1
