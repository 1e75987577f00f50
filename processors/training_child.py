"""A training in a process of its own, which may take its time, its memory and its life."""

import signal
import time
from importlib import import_module
from multiprocessing import get_context
from multiprocessing.connection import Connection

from processors.training_request import failure
from schemas.errors import Transient
from schemas.predictions import ModelVersion, TrainingRequest
from schemas.settings import Settings

_RUN = "processors.training_run"  # LightGBM's memory is needed in the child only
_START = "processors.warming"
_NICENESS = 10  # nobody waits for it


class TrainingChild:
    """One training under way; its answer is there when `done` says so."""

    def __init__(self, settings: Settings, request: TrainingRequest) -> None:
        context = get_context("spawn")
        self.request = request
        self._answers, sender = context.Pipe(duplex=False)
        self._process = context.Process(
            target=_work, args=(settings, request, sender), daemon=True, name="training"
        )
        self._process.start()
        sender.close()

    def done(self, wait_s: float) -> bool:
        """Tell whether there is an answer, or will never be one."""
        return self._answers.poll(wait_s)

    def answer(self) -> ModelVersion:
        """Return what to tell.

        Raises:
            Transient: A server did not answer: train again later.
        """
        try:
            found: ModelVersion | Transient = self._answers.recv()
        except EOFError:
            found = self._lost()
        if isinstance(found, Transient):
            raise found
        return found

    def close(self) -> None:
        """End the process, whatever it does."""
        self._process.kill()
        self._process.join()
        self._answers.close()

    def _lost(self) -> ModelVersion:
        self._process.join()
        reason = (
            f"the training ended by itself (exit code {self._process.exitcode}), "
            "for want of memory perhaps: ask for a shorter range or fewer symbols"
        )
        return failure(self.request, reason, time.time_ns() // 1_000_000)


def _work(settings: Settings, request: TrainingRequest, answers: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides
    import_module(_START).begin_warming(_NICENESS)
    try:
        answers.send(import_module(_RUN).run(settings, request))
    except Transient as error:
        answers.send(error)
