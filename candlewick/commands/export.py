"""`candlewick export`: writes what is stored into Parquet or CSV files, by symbol and month."""

import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from candlewick.offline.export.kinds import Kind, datasets
from candlewick.offline.export.manifest import Verdict
from candlewick.offline.export.periods import parse_range
from candlewick.offline.export.run import Export, Made, Task
from candlewick.offline.export.store import Store
from candlewick.offline.export.writers import Format
from candlewick.stack.local_settings import reader_settings
from candlewick.terminal.console import quiet_end
from candlewick.terminal.exit_codes import WRONG
from candlewick.terminal.json_lines import AsJson, print_json
from candlewick.terminal.whole_tables import print_whole
from candlewick.terminal.wide_console import wide_console
from clients.clickhouse import LONGEST_S, connect_reader
from schemas.symbol_patterns import written

_TOLD: Final = {
    Verdict.KEPT: "the store has deleted rows that these files have, so they stay as they are",
    Verdict.BEHIND: "the store has deleted rows that these files have, and has later ones that "
    "they lack: export those into another --out now, and export more often than the store deletes",
}


def export(
    *,
    kind: Annotated[Kind, typer.Argument(help="What to export.", show_choices=True)],
    out: Annotated[Path, typer.Option(help="Folder to write into.")],
    symbols: Annotated[
        str | None, typer.Option(help="Pairs, comma separated; default: all that are stored.")
    ] = None,
    start: Annotated[
        str | None,
        typer.Option("--from", help="2022-01, 2022-01-05 or 30d; default: the oldest rows."),
    ] = None,
    end: Annotated[
        str | None, typer.Option("--to", help="Exclusive, as --from; default: the newest rows.")
    ] = None,
    interval: Annotated[
        str | None,
        typer.Option(help="Of candles and klines, comma separated; default: 15m."),
    ] = None,
    form: Annotated[Format, typer.Option("--format", help="Format of the files.")] = Format.PARQUET,
    again: Annotated[
        bool, typer.Option("--again", help="Make every file again, also if it has not changed.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Write rows into files by symbol and month; it may be stopped and resumed.

    A month is exported whole if --from and --to touch it. A file is made again when its rows have
    changed in the store. One whose rows the store has deleted since is kept.

    The exit code is 1 if such a file lacks rows that the store has.
    """
    now_ms = time.time_ns() // 1_000_000
    wanted, chosen = parse_range(start, end, now_ms=now_ms), datasets(kind, interval)
    settings = reader_settings().clickhouse
    with connect_reader(settings, silence_s=round(LONGEST_S)) as client:
        work = Export(Store(client), out, form, again=again)
        tasks = work.plan(chosen, written(symbols or ""), wanted)
        with quiet_end():
            try:
                done = _run(work, tasks, as_json=as_json)
            except KeyboardInterrupt:
                sys.stderr.write("stopped; finished files are kept, and the next run goes on\n")
                raise
            if not as_json:
                _print_table(done, out)
    if any(made.state is Verdict.BEHIND for made in done):
        raise typer.Exit(WRONG)


def _run(work: Export, tasks: Sequence[Task], *, as_json: bool) -> list[Made]:
    done: list[Made] = []
    with _progress(len(tasks)) as told:
        for made in work.run(tasks, told):
            done.append(made)
            if as_json:
                _print_json(made)
    return done


class _Shown:
    """Moves the line of progress on, where somebody sees it."""

    def __init__(self, progress: Progress, count: int) -> None:
        self._progress = progress
        self._line = progress.add_task("", total=count)
        self._begun = -1

    def __call__(self, task: Task) -> None:
        self._begun += 1
        text = f"{task.dataset.name} {task.symbol} {task.period.text}"
        self._progress.update(self._line, completed=self._begun, description=text)


@contextmanager
def _progress(count: int) -> Iterator[_Shown]:
    console = Console(stderr=True, highlight=False)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    progress = Progress(
        *columns, TextColumn("files"), TimeRemainingColumn(), console=console, transient=True
    )
    with progress if console.is_terminal else nullcontext():
        yield _Shown(progress, count)


def _print_json(made: Made) -> None:
    task = made.task
    row = {
        "kind": task.dataset.kind,
        "interval": task.dataset.interval,
        "symbol": task.symbol,
        "period": task.period.text,
        "state": made.state,
        "rows": made.rows,
        "bytes": made.bytes,
        "file": made.file,
    }
    print_json([row])


def _print_table(done: Iterable[Made], out: Path) -> None:
    by_symbol: dict[tuple[str, str], list[Made]] = {}
    for made in done:
        by_symbol.setdefault((made.task.dataset.name, made.task.symbol), []).append(made)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("rows of", "symbol"):
        table.add_column(name, no_wrap=True)
    for name in ("from", "to", "rows", "MB", "files", *(state.value for state in Verdict)):
        table.add_column(name, justify="right", no_wrap=True)
    for (name, symbol), files in by_symbol.items():
        ends = (files[0].task.period.text, files[-1].task.period.text)
        size = f"{sum(made.bytes for made in files) / 1e6:,.1f}"
        counts = [sum(made.state is state for made in files) for state in Verdict]
        rows = f"{sum(made.rows for made in files):,}"
        table.add_row(name, symbol, *ends, rows, size, str(len(files)), *map(str, counts))
    console = wide_console()
    print_whole(console, table, spare=("from", "to"))
    states = {made.state for files in by_symbol.values() for made in files}
    for state, text in _TOLD.items():
        if state in states:
            console.print(f"{state}: {text}", soft_wrap=True)
    console.print(f"in {out}", soft_wrap=True, markup=False)
