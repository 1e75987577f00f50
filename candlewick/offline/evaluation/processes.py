"""A process for each symbol's replay, a few of them working at a time."""

import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from typing import Protocol, TypeVar, cast

from candlewick.offline.evaluation.past import Source
from candlewick.offline.evaluation.symbol_run import SymbolRun
from clients.process import ending_of
from processors.extra.host import close_hosts
from schemas.errors import RestartNeeded

Arguments = Mapping[str, tuple[object, ...]]
Fed = Callable[[str, int], None]
_ResultT = TypeVar("_ResultT")


class Workers(Protocol):
    """The replays of all symbols."""

    def each(self, method: Callable[..., _ResultT], given: Arguments) -> dict[str, _ResultT]:
        """Call a method of `SymbolRun` for every symbol; return the results by symbol."""
        ...


class Here:
    """Replays in this process, one after the other."""

    def __init__(self, sources: Mapping[str, Source], fed: Fed) -> None:
        self._runs = {
            symbol: SymbolRun(source, partial(fed, symbol)) for symbol, source in sources.items()
        }

    def each(self, method: Callable[..., _ResultT], given: Arguments) -> dict[str, _ResultT]:
        """Call a method for every symbol."""
        return {symbol: method(run, *given[symbol]) for symbol, run in self._runs.items()}


class Processes:
    """Replays in a process for each symbol, which has its memory to itself."""

    def __init__(self, sources: Mapping[str, Source], fed: Fed, jobs: int) -> None:
        self._fed = fed
        self._jobs = jobs
        self._children = {}
        with _deaf_to_interrupts():
            for symbol, source in sources.items():
                self._children[symbol] = _Child(symbol, source)

    def each(self, method: Callable[..., _ResultT], given: Arguments) -> dict[str, _ResultT]:
        """Call a method for every symbol, for ``jobs`` symbols at a time.

        Raises:
            Exception: What the method raised.
            RestartNeeded: A process died.
        """
        waiting = list(self._children)
        results: dict[str, _ResultT] = {}
        working: list[_Child] = []
        while waiting or working:
            while waiting and len(working) < self._jobs:
                child = self._children[waiting.pop(0)]
                child.send(method, given[child.symbol])
                working.append(child)
            ready = wait([child.connection for child in working])
            for child in [child for child in working if child.connection in ready]:
                done, answer = child.receive()
                if done:
                    working.remove(child)
                    results[child.symbol] = cast("_ResultT", answer)
                else:
                    self._fed(child.symbol, cast("int", answer))
        return {symbol: results[symbol] for symbol in self._children}

    def close(self) -> None:
        """Kill the processes."""
        for child in self._children.values():
            child.kill()


@contextmanager
def workers(sources: Mapping[str, Source], fed: Fed, jobs: int) -> Iterator[Workers]:
    """Return the replays, in this process if one job at a time is enough."""
    if min(jobs, len(sources)) <= 1:
        try:
            yield Here(sources, fed)
        finally:
            close_hosts()
        return
    processes = Processes(sources, fed, jobs)
    try:
        yield processes
    finally:
        processes.close()


class _Child:
    """The process of one symbol.

    Attributes:
        connection: Becomes readable when the process has said something.
    """

    def __init__(self, symbol: str, source: Source) -> None:
        context = get_context("spawn")
        self.symbol = symbol
        self.connection, theirs = context.Pipe()
        self._process = context.Process(
            target=_serve, args=(theirs, source), daemon=True, name=f"evaluation of {symbol}"
        )
        self._process.start()
        theirs.close()

    def send(self, method: Callable[..., object], arguments: tuple[object, ...]) -> None:
        try:
            self.connection.send((method, arguments))
        except OSError as error:
            raise self._lost() from error

    def receive(self) -> tuple[bool, object]:
        """Return whether the method has ended, and its result; or else the number of candles."""
        try:
            kind, answer = self.connection.recv()
        except (EOFError, OSError) as error:
            raise self._lost() from error
        if kind == "raised":
            raise answer
        return kind == "returned", answer

    def kill(self) -> None:
        self._process.kill()
        self._process.join()
        self.connection.close()

    def _lost(self) -> RestartNeeded:
        self._process.join()
        code = self._process.exitcode or 0
        return RestartNeeded(
            f"the process of {self.symbol} {ending_of(code)}: if memory was short, use fewer --jobs"
        )


@contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """Let processes that start now ignore Ctrl-C: this process ends them."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _serve(parent: Connection, source: Source) -> None:
    run = SymbolRun(source, lambda count: parent.send(("fed", count)))
    while True:
        try:
            method, arguments = parent.recv()
        except EOFError:
            return
        try:
            answer = "returned", method(run, *arguments)
        except BrokenPipeError:
            return
        except Exception as error:  # noqa: BLE001 - it is raised in the parent
            answer = "raised", error
        parent.send(answer)
