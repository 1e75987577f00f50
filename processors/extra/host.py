"""Keeps the process of an extra model: starts it, asks it, starts it again, or gives it up.

All symbols of a model share a process. A fault ends it, and what it had learned is gone. After
some faults the model is put aside until the predictor's next start.
"""

import time
from collections.abc import Mapping
from typing import NoReturn

from processors.extra.line import Content
from processors.extra.process import Fault, ModelProcess
from processors.extra.specification import Specification

START_S = 60.0  # of CPU: importing River takes seconds
START_PATIENCE_S = 600.0  # by the clock, on a busy machine
_HELLO_S = 1.0  # to read a hello that has come
MOST_FAULTS = 3
FORGIVEN_AFTER = 1440  # good answers in a row
WAIT_S = 30.0  # from the first fault to the next start, then twice as long
_MOVE_FACTOR = 3  # a whole model takes longer to write and read than an answer
# By the clock an answer may take so many times longer than of CPU. A live predictor waits in vain
# meanwhile, a replay does not.
_LIVE_FACTOR, _REPLAY_FACTOR = 3, 20
# Live, all predictions wait until every symbol has its answer: by the clock one of each symbol may
# take so many times as long as one answer may of CPU.
_ROUND_FACTOR = 5


class NotReady(Exception):  # noqa: N818 - what it is
    """The process is starting, or waits to be started again."""


class Host:
    """One model's process, and the next ones.

    Attributes:
        patient: Whether to wait for the process to start. A live predictor does not.
        epoch: Number of the present process; models of an earlier one are gone.
        given_up: Why the model was put aside; empty while it takes part.
        kind: ``regressor`` or ``classifier``; empty before the first start.
    """

    def __init__(self, specification: Specification) -> None:
        self.specification = specification
        self.patient = True
        self.epoch = 0
        self.given_up = self.kind = ""
        self._process: ModelProcess | None = None
        self._ready = False
        self._not_before_s = 0.0
        self._faults = self._good = 0
        self._gone: list[str] = []
        self._made: set[str] = set()  # the symbols' models that the process has made
        self._round: set[str] = set()  # those asked since one was asked twice
        self._round_s = 0.0

    @property
    def pid(self) -> int | None:
        """Process id, None if no process runs."""
        return self._process.pid if self._process else None

    def is_ready(self) -> bool:
        """Return whether the process has started; start it if need be, and wait if patient.

        Raises:
            Fault: It could not be started.
        """
        if self._ready or self.given_up:
            return self._ready
        if self._process is None:
            if time.monotonic() < self._not_before_s and not self.patient:
                return False
            self._process = ModelProcess(self.specification)
            self.epoch += 1
        late = self._process.has_had(cpu_s=START_S, within_s=START_PATIENCE_S)
        if self.patient or self._process.has_spoken() or late:
            self._greet(self._process)
        return self._ready

    def call(
        self, key: str, content: Mapping[str, object], blob: bytes = b"", *, moves: bool = False
    ) -> tuple[Content, bytes]:
        """Send a message about one symbol's model and return the answer.

        Args:
            key: Key of the symbol's model.
            content: The message.
            blob: A pickled model to begin with.
            moves: Whether a whole model is sent or returned, which may take longer.

        Raises:
            Fault: There is no answer; the process or the symbol's model was ended.
            NotReady: The process does not run at the moment.
        """
        if not self.is_ready() or self._process is None:
            raise NotReady
        cpu_s = self.specification.limits.answer_s * (_MOVE_FACTOR if moves or blob else 1)
        within_s = cpu_s * (_REPLAY_FACTOR if self.patient else _LIVE_FACTOR)
        message = dict(content) | {"key": key, "drop": self._gone}
        self._gone = []
        began_s = time.monotonic()
        try:
            self._process.send(message, blob, within_s=within_s)
            answer, found = self._process.receive(cpu_s=cpu_s, within_s=within_s)
            if not self.patient and not moves and not blob:
                self._check_round(key, time.monotonic() - began_s)
        except Fault as fault:
            self.close()
            self._count(str(fault))
        if "error" in answer:
            self._count(str(answer["error"]))
        self._good += 1
        if self._good >= FORGIVEN_AFTER:
            self._faults = 0
        return answer, found

    def forget(self, key: str) -> None:
        """Let the process drop a symbol's model with the next message."""
        self._gone.append(key)
        self._made.discard(key)

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.close()
        self._process, self._ready, self._gone = None, False, []
        self._made, self._round, self._round_s = set(), set(), 0.0

    def _greet(self, process: ModelProcess) -> None:
        # A live predictor asks when there is an answer, or when there was time enough for one.
        within_s = START_PATIENCE_S if self.patient else _HELLO_S
        try:
            hello, _ = process.receive(cpu_s=START_S, within_s=within_s)
        except Fault as fault:
            hello = {"error": f"it did not start: {fault}"}
        if "error" in hello:
            self._faults = MOST_FAULTS - 1  # it would fail again in the same way
            self._count(str(hello["error"]))
        self.kind, self._ready = str(hello.get("kind")), True

    def _check_round(self, key: str, took_s: float) -> None:
        if key not in self._made:  # its first answer took the time to make it as well
            self._made.add(key)
            return
        if key in self._round:
            self._round, self._round_s = set(), 0.0
        self._round.add(key)
        self._round_s += took_s
        most_s = self.specification.limits.answer_s * _ROUND_FACTOR
        if self._round_s > most_s:
            raise Fault(
                f"it took {self._round_s:.1f} s for one answer each of {len(self._round)} symbols, "
                f"and {most_s:g} s are allowed"
            )

    def _count(self, reason: str) -> NoReturn:
        self._faults += 1
        self._good = 0
        self._not_before_s = time.monotonic() + WAIT_S * 2 ** (self._faults - 1)
        if self._faults >= MOST_FAULTS:
            self.given_up = reason
            self.close()
        raise Fault(reason)


_hosts: dict[Specification, Host] = {}


def host_of(specification: Specification) -> Host:
    """Return the process of a model; all symbols in this process share it."""
    if specification not in _hosts:
        _hosts[specification] = Host(specification)
    return _hosts[specification]


def close_hosts() -> None:
    """End the processes of all extra models."""
    for host in _hosts.values():
        host.close()
    _hosts.clear()
