"""Rendering of the live board, in the width of the terminal up to 116 columns, and its height."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from rich.box import SIMPLE_HEAD
from rich.columns import Columns
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from candlewick.stack.state import Phase, ProcessState
from candlewick.terminal.board import Board, ClosedCandle, Flow, GapCount, OpenCandle, Predicted
from candlewick.terminal.numbers import decimals_of, short_amount, short_delay, short_duration

COLUMNS = ("open", "high", "low", "last", "volume", "last closed", "trades/s", "delay", "repaired")
EXTRA = {"open", "high", "low"}  # left out on a narrow terminal
STATUS_STYLE = {"complete": "green", "quiet": "cyan", "gapped": "yellow", "mismatch": "red"}
BAR_CELLS = 24
NARROW = 98
WIDE = 116


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The contents of the lines around the table.

    Attributes:
        exchange: Name of the exchange to show.
        memory_mb: Resident memory of all processes, megabytes.
        notes: Newest messages of the supervisor and the reader, in this order.
        columns: Width of the terminal, columns.
        rows: Height of the screen, lines; None where boards are printed one below the other.
    """

    exchange: str
    symbols: tuple[str, ...]
    addresses: str
    processes: tuple[ProcessState, ...]
    memory_mb: float
    notes: tuple[str, ...]
    columns: int
    rows: int | None = None


@dataclass(slots=True)
class Picture:
    """The board and the lines around it, as a renderable.

    Where the height is limited, symbols are left out: what is wrong, and what to do about it, is
    below them.

    Attributes:
        shown: How many symbols there was room for; at first a guess, such as the last picture's.
    """

    board: Board
    around: Surroundings
    shown: int = 0

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw all symbols, or as many as there are lines for."""
        rows = self.around.rows
        if rows is None:
            self.shown = len(self.around.symbols)
            yield self._with(self.shown)
            return
        for line in self._fitted(console, options, rows):
            yield from line
            yield Segment.line()

    def _fitted(self, console: Console, options: ConsoleOptions, rows: int) -> list[list[Segment]]:
        # From the guess up or down, as each try is a whole drawing.
        symbols = min(len(self.around.symbols), rows)
        count = min(self.shown, symbols)
        drawn = console.render_lines(self._with(count), options)
        while len(drawn) > rows and count:
            count -= 1
            drawn = console.render_lines(self._with(count), options)
        while len(drawn) <= rows and count < symbols:
            more = console.render_lines(self._with(count + 1), options)
            if len(more) > rows:
                break
            count, drawn = count + 1, more
        self.shown = count
        return drawn

    def _with(self, count: int) -> Group:
        board, around, shown = self.board, self.around, self.around.symbols[:count]
        left_out = len(around.symbols) - count
        lines: list[RenderableType] = [_headline(board, around), _candle_line(board), ""]
        if shown:
            lines.append(_table(board, shown, around.columns))
        if left_out:
            lines.append(Text(f"… and {left_out} more: see the page", "dim"))
        lines += ["", *_predicted(board, shown), _health(around), Text(around.addresses, "dim")]
        return Group(*lines, *(Text(note, "yellow") for note in around.notes))


def _headline(board: Board, around: Surroundings) -> Text:
    text = Text.assemble(("Candlewick", "bold"), f"  {around.exchange}")
    text.append(f"  {short_amount(board.total.trades_per_s)} trades/s")
    text.append(f"  exchange → ClickHouse {short_delay(board.total.typical_ms)}")
    if around.columns >= NARROW:
        text.append(f" (99 %: {short_delay(board.total.slow_ms)})", "dim")
    return text


def _candle_line(board: Board) -> Text:
    if not board.open:
        return Text("waiting for the first trades", "yellow")
    newest = max(board.open.values(), key=lambda candle: candle.open_ms)
    now_ms = max(candle.event_ms for candle in board.open.values())
    left_ms = max(0, newest.close_ms - now_ms)
    done = BAR_CELLS - round(BAR_CELLS * left_ms / (newest.close_ms - newest.open_ms))
    text = Text(f"Candle {_clock(newest.open_ms)} to {_clock(newest.close_ms)} UTC  ")
    text.append("━" * done, "green").append("━" * (BAR_CELLS - done), "bright_black")
    return text.append(f"  {short_duration(left_ms / 1000)} left")


def _table(board: Board, symbols: tuple[str, ...], columns: int) -> Table:
    width = min(WIDE, columns)
    table = Table(box=SIMPLE_HEAD, show_edge=False, padding=0, header_style="bold", width=width)
    shown = [n for n, name in enumerate(COLUMNS) if width >= NARROW or name not in EXTRA]
    table.add_column("symbol", no_wrap=True)
    for number in shown:
        table.add_column(COLUMNS[number], justify="right", no_wrap=True)
    for symbol in symbols:
        cells = _cells(board, symbol)
        table.add_row(Text(symbol, "bold"), *(cells[number] for number in shown))
    return table


def _cells(board: Board, symbol: str) -> list[Text]:
    cells = [*_open_cells(board.open.get(symbol)), _closed_cell(board.closed.get(symbol))]
    return [*cells, *_flow_cells(board.flow.get(symbol)), _gap_cell(board.gaps.get(symbol))]


def _open_cells(candle: OpenCandle | None) -> list[Text]:
    if candle is None:
        return [Text("")] * 5
    prices = [candle.open, candle.high, candle.low, candle.last]
    shown = decimals_of(prices)
    cells = [Text(f"{price:,.{shown}f}") for price in prices]
    cells[-1].stylize("bold green" if candle.last >= candle.open else "bold red")
    return [*cells, Text(short_amount(candle.volume))]


def _closed_cell(candle: ClosedCandle | None) -> Text:
    if candle is None:
        return Text("none yet", "dim")
    when = _clock(candle.open_ms) + (" 1m" if candle.interval == "1m" else "")
    return Text.assemble(f"{when} ", (candle.status, STATUS_STYLE.get(candle.status, "white")))


def _flow_cells(flow: Flow | None) -> list[Text]:
    if flow is None:
        return [Text("0", "dim"), Text("")]
    return [Text(short_amount(flow.trades_per_s)), Text(short_delay(flow.typical_ms))]


def _predicted(board: Board, symbols: tuple[str, ...]) -> Iterator[RenderableType]:
    """Yield the predictions for open candles, under a heading; nothing if there are none."""
    known = [board.predicted.get(symbol) for symbol in symbols]
    said = [p for p in known if p is not None and _is_open(board, p)]
    if said:
        yield Text("Predicted close, 90 % interval:")
        yield Columns([_interval(p) for p in said], padding=(0, 3), equal=True)
        yield ""


def _is_open(board: Board, predicted: Predicted) -> bool:
    candle = board.open.get(predicted.symbol)
    return candle is not None and candle.open_ms == predicted.open_ms


def _interval(predicted: Predicted) -> Text:
    shown = decimals_of([predicted.low, predicted.high])
    low, high = (f"{price:,.{shown}f}" for price in (predicted.low, predicted.high))
    return Text.assemble((predicted.symbol, "bold"), f"\N{NO-BREAK SPACE}{low}–{high}")  # noqa: RUF001 - a range


def _gap_cell(gaps: GapCount | None) -> Text:
    if gaps is None or gaps.found == 0:
        return Text("no gaps", "dim")
    style = "green" if gaps.repaired >= gaps.found else "yellow"
    return Text(f"{gaps.repaired} of {gaps.found}", "red" if gaps.given_up else style)


def _health(around: Surroundings) -> Text:
    """Return the processes: those that run, then under their phases those that do not."""
    text = Text()
    for phase in Phase:
        found = [process for process in around.processes if process.phase is phase]
        if found and phase is not Phase.RUNNING:
            text.append(f"{phase}: ", "red")
        for process in found:
            text.append("● ", "green" if phase is Phase.RUNNING else "red").append(process.name)
            if process.restarts:
                text.append(f" ({process.restarts} restarts)", "yellow")
            text.append("  ")
    return text.append(f"{around.memory_mb:,.0f} MB", "dim")


def _clock(epoch_ms: int) -> str:
    return datetime.fromtimestamp(epoch_ms / 1000, UTC).strftime("%H:%M")
