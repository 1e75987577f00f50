"""The screen of `candlewick demo`: redrawn in place, or printed every 10 s without a terminal."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.live import Live

from candlewick.stack.process_memory import memory_bytes
from candlewick.stack.stack import StackPlan
from candlewick.stack.state import Phase, ProcessState
from candlewick.terminal.beside import Beside
from candlewick.terminal.board import EMPTY, Board, read_board
from candlewick.terminal.board_view import Picture, Surroundings
from clients.clickhouse import connect_reader
from clients.kafka.followed_symbols import FollowedSymbols
from schemas.errors import CandlewickError

if TYPE_CHECKING:
    from clients.clickhouse import Client

# A board is five queries and a look at every process, some 0.1 s of a processor, and what it shows
# is stored every five seconds by partition (CANDLEWICK_SINKS__LIVE_LINGER_MS).
REDRAW_S = 2.0
REPRINT_S = 10.0
PLAIN_COLUMNS = 110
NOTE_S = 10.0
PATIENCE_S = 0.25  # a board takes some 30 ms
PRINTED_PATIENCE_S = 2.0
LATE_S = 3.0


class DemoScreen:
    """Reads the board from ClickHouse and draws it."""

    def __init__(self, plan: StackPlan, console: Console) -> None:
        self._plan = plan
        self._followed = FollowedSymbols(plan.settings, name="candlewick-demo")
        self._console = console
        self._client: Client | None = None
        self._reading = Beside("board", self._read)
        self._live: Live | None = None
        self._board = EMPTY
        self._shown = 0
        self._said, self._fault = Note(), Note()
        self._due = 0.0

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Use the whole terminal while the block runs."""
        self._followed.watch()
        if not can_redraw(self._console):
            self._console.width = max(self._console.width, PLAIN_COLUMNS)
            yield
            return
        with Live(console=self._console, auto_refresh=False, screen=True) as self._live:
            yield
        self._live = None

    def say(self, line: str) -> None:
        """Print a line of the supervisor, or show it below the board for 10 s."""
        if self._live is None:
            self._console.print(line, soft_wrap=True)
        self._said = Note(line, time.monotonic())

    def refresh(self, processes: tuple[ProcessState, ...]) -> None:
        """Read and draw the board if the next redraw is due."""
        now = time.monotonic()
        if now < self._due:
            return
        self._due = now + (REPRINT_S if self._live is None else REDRAW_S)
        self._board = self._newest_board()
        picture = Picture(self._board, self._surroundings(processes, now), self._shown)
        if self._live is None:
            self._console.print(picture)
        else:
            self._live.update(picture, refresh=True)
            self._shown = picture.shown

    def _newest_board(self) -> Board:
        """Return the newest board that is there: a store that hangs holds no supervisor up."""
        try:
            # What is printed stays: it is worth a longer wait than what is drawn again at once.
            found = self._reading.answer(PATIENCE_S if self._live else PRINTED_PATIENCE_S)
        except CandlewickError as error:
            # A store that is being started again is no reason to stop watching.
            first = next(iter(str(error).splitlines()), "")
            self._fault = Note(f"ClickHouse: {first}", time.monotonic())
            return self._board
        if found is None and (waited_s := self._reading.waited_s()) > LATE_S:
            said = f"ClickHouse: no answer for {waited_s:.0f} s, what you see is older"
            self._fault = Note(said, time.monotonic())
        return found or self._board

    def _read(self) -> Board:
        client, self._client = self._client, None
        client = client or connect_reader(self._plan.settings.clickhouse)
        found = read_board(client)
        self._client = client  # after an error the next reading opens a new one
        return found

    def _surroundings(self, processes: tuple[ProcessState, ...], now: float) -> Surroundings:
        plan = self._plan
        simulated = plan.addresses.exchange is not None
        return Surroundings(
            exchange="simulated Binance" if simulated else "Binance",
            symbols=self._followed.names,
            addresses=_where(plan),
            processes=processes,
            memory_mb=_memory_mb(processes),
            notes=self._notes(processes, now),
            columns=self._console.width,
            rows=None if self._live is None else self._console.height,
        )

    def _notes(self, processes: tuple[ProcessState, ...], now: float) -> tuple[str, ...]:
        """Return what is to be read now; what the supervisor says of a full disk, all the time."""
        is_full = any(process.phase is Phase.NO_ROOM for process in processes)
        notes = (self._said, self._fault)
        return tuple(
            note.text
            for note in notes
            if note.text and (now < note.at + NOTE_S or (is_full and note is self._said))
        )


def can_redraw(console: Console) -> bool:
    """Return whether a console is a screen; rich takes a pipe for one where FORCE_COLOR is set."""
    return console.file.isatty() and not console.is_dumb_terminal


@dataclass(frozen=True, slots=True)
class Note:
    """A line below the board, and when it was said, in seconds of a monotonic clock."""

    text: str = ""
    at: float = 0.0


def _where(plan: StackPlan) -> str:
    root, here = plan.folder.root, Path.cwd()
    shown = root.relative_to(here) if root.is_relative_to(here) else root
    return f"{plan.servers_line} · passwords and logs in {shown}"


def _memory_mb(processes: tuple[ProcessState, ...]) -> float:
    found = (live for process in processes if (live := process.find()))
    return sum(memory_bytes(live) or 0 for live in found) / 1e6
