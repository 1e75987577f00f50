"""A training in a process of its own, which may be slow, run out of memory or crash."""

import faulthandler
import os
import signal
import sys
import time
from importlib import import_module
from multiprocessing import get_context
from multiprocessing.connection import Connection
from tempfile import TemporaryFile

import psutil

from clients.process import ending_of
from processors.training.request import failure
from schemas.errors import Transient
from schemas.predictions import ModelVersion, TrainingRequest
from schemas.settings import Settings

_RUN = "processors.training.run"  # importing it takes 100 MB, so only the child does
_START = "processors.predictor.warm_start"
_NICENESS = 10  # not urgent
_FATAL = "Fatal Python error"
_LONGEST = 300
_MB = 1_000_000
_STDERR = 2


class TrainingChild:
    """One training in progress; call `answer` once `done` returns True."""

    def __init__(self, settings: Settings, request: TrainingRequest) -> None:
        context = get_context("spawn")
        self.request = request
        self._said = TemporaryFile()  # noqa: SIM115 - closed by `close`
        self._answers, sender = context.Pipe(duplex=False)
        words = Connection(os.dup(self._said.fileno()), readable=False)
        self._process = context.Process(
            target=_work, args=(settings, request, sender, words), daemon=True, name="training"
        )
        self._process.start()
        sender.close()
        words.close()
        self._most_bytes = self._free_bytes = 0

    @property
    def pid(self) -> int | None:
        """Process id of the child."""
        return self._process.pid

    def done(self, wait_s: float) -> bool:
        """Return whether the child has answered or ended; call it often to measure memory."""
        self._measure()
        return self._answers.poll(wait_s)

    def answer(self) -> ModelVersion:
        """Return the event to publish; it is a failure if the child died.

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
        """Kill the process and copy its error output to ours."""
        self._process.kill()
        self._process.join()
        self._answers.close()
        sys.stderr.write(self._words())
        self._said.close()

    def _measure(self) -> None:
        try:
            taken = psutil.Process(self._process.pid).memory_info().rss
        except psutil.Error:
            return  # the process has ended: keep the last measurement
        self._most_bytes = max(self._most_bytes, taken)
        self._free_bytes = psutil.virtual_memory().available

    def _lost(self) -> ModelVersion:
        self._process.join()
        reason = (
            f"the training {_end_of(self._process.exitcode or 0, self._words())}; it had taken "
            f"{self._most_bytes // _MB} MB of memory, and {self._free_bytes // _MB} MB were free: "
            "see the trainer's log, then ask again; a shorter range takes less memory"
        )
        return failure(self.request, reason, time.time_ns() // 1_000_000)

    def _words(self) -> str:
        length = os.fstat(self._said.fileno()).st_size
        return os.pread(self._said.fileno(), length, 0).decode(errors="replace")


def _end_of(exit_code: int, words: str) -> str:
    lines = [line.strip() for line in words.splitlines() if line.strip()]
    last = next((line for line in lines if line.startswith(_FATAL)), lines[-1] if lines else "")
    how = ending_of(exit_code) if exit_code < 0 else f"ended by itself with exit code {exit_code}"
    return f"{how}, {f'its last words: {last[:_LONGEST]}' if last else 'without a word'}"


def _work(
    settings: Settings, request: TrainingRequest, answers: Connection, words: Connection
) -> None:
    os.dup2(words.fileno(), _STDERR)
    faulthandler.enable()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides
    import_module(_START).begin_warming(_NICENESS)
    try:
        answers.send(import_module(_RUN).run(settings, request))
    except Transient as error:
        answers.send(error)
