"""Processes that share the symbols of an evaluation among them."""

import os
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from typing import Final, Protocol, TypeVar, cast

from candlewick.offline.evaluation.past import Source
from candlewick.offline.evaluation.symbol_run import SymbolRun
from clients.process import ending_of
from processors.extra.host import close_hosts
from schemas.errors import RestartNeeded

Arguments = Mapping[str, tuple[object, ...]]
Fed = Callable[[str, int], None]
_SAFE: Final = "PYTHONSAFEPATH"
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
    """Replays in a few processes, each of which has some of the symbols."""

    def __init__(self, sources: Mapping[str, Source], fed: Fed, jobs: int) -> None:
        self._fed = fed
        symbols = list(sources)
        with _deaf_to_interrupts(), _blind_to_the_working_directory():
            self._children = [
                _Child({symbol: sources[symbol] for symbol in symbols[first::jobs]})
                for first in range(min(jobs, len(symbols)))
            ]
        self._symbols = symbols

    def each(self, method: Callable[..., _ResultT], given: Arguments) -> dict[str, _ResultT]:
        """Call a method for every symbol, in every process for one symbol at a time.

        Raises:
            Exception: What the method raised.
            RestartNeeded: A process died.
        """
        results: dict[str, _ResultT] = {}
        waiting = {child: list(child.symbols) for child in self._children}
        for child, symbols in waiting.items():
            child.send(symbols[0], method, given)
        while waiting:
            ready = wait([child.connection for child in waiting])
            for child in [child for child in waiting if child.connection in ready]:
                done, answer = child.receive()
                symbols = waiting[child]
                if not done:
                    self._fed(symbols[0], cast("int", answer))
                    continue
                results[symbols.pop(0)] = cast("_ResultT", answer)
                if symbols:
                    child.send(symbols[0], method, given)
                else:
                    del waiting[child]
        return {symbol: results[symbol] for symbol in self._symbols}

    def close(self) -> None:
        """Kill the processes."""
        for child in self._children:
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
    """One of the processes.

    Attributes:
        symbols: Its symbols.
        connection: Becomes readable when the process has said something.
    """

    def __init__(self, sources: Mapping[str, Source]) -> None:
        context = get_context("spawn")
        self.symbols = tuple(sources)
        self.connection, theirs = context.Pipe()
        self._process = context.Process(
            target=_serve, args=(theirs, sources), daemon=True, name="evaluation"
        )
        self._process.start()
        theirs.close()

    def send(self, symbol: str, method: Callable[..., object], given: Arguments) -> None:
        try:
            self.connection.send((symbol, method, given[symbol]))
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
            f"the process of {', '.join(self.symbols)} {ending_of(code)}: if memory was short, use "
            "fewer --jobs"
        )


@contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """Let processes that start now ignore Ctrl-C: this process ends them."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _blind_to_the_working_directory() -> Iterator[None]:
    """Let processes that start now take no file `signal.py` there for Python's own."""
    before = os.environ.get(_SAFE)
    os.environ[_SAFE] = "1"  # `spawn` has no other way to say -P
    try:
        yield
    finally:
        os.environ.pop(_SAFE)
        if before is not None:
            os.environ[_SAFE] = before


def _serve(parent: Connection, sources: Mapping[str, Source]) -> None:
    runs = {
        symbol: SymbolRun(source, lambda count: parent.send(("fed", count)))
        for symbol, source in sources.items()
    }
    while True:
        try:
            symbol, method, arguments = parent.recv()
        except EOFError:
            return
        try:
            answer = "returned", method(runs[symbol], *arguments)
        except BrokenPipeError:
            return
        except Exception as error:  # noqa: BLE001 - it is raised in the parent
            answer = "raised", error
        parent.send(answer)
