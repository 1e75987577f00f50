"""`candlewick status`."""

import time

import psutil
import typer
from rich.console import Console
from rich.table import Table

from candlewick.durations import short_duration
from candlewick.local import stack_folder
from candlewick.state import Phase, ProcessState, read_state
from schemas.settings import load_settings


def status() -> None:
    """Show every process of the pipeline; exit code 1 when not all of them run."""
    folder = stack_folder(load_settings())
    state = read_state(folder.state) if folder.is_held() else None
    console = Console(highlight=False)
    if state is None:
        console.print(f"nothing runs over {folder.root}: start it with `candlewick up`")
        raise typer.Exit(1)
    console.print(process_table(state.processes))
    where = state.addresses
    console.print(f"ClickHouse {where.clickhouse_url} · Kafka {where.bootstrap_servers}")
    if not state.ready or any(p.phase is not Phase.RUNNING for p in state.processes):
        raise typer.Exit(1)


def process_table(processes: tuple[ProcessState, ...]) -> Table:
    """Return the processes as a table."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("process")
    table.add_column("state")
    for right in ("pid", "up", "memory", "restarts", "last exit"):
        table.add_column(right, justify="right")
    for process in processes:
        table.add_row(*_row(process))
    return table


def _row(process: ProcessState) -> list[str]:
    live = process.identity.find() if process.identity else None
    last = "" if process.last_exit is None else str(process.last_exit)
    counts = [str(process.restarts), last]
    if live is None or process.identity is None:
        return [process.name, f"[red]{process.phase}[/]", "", "", "", *counts]
    age = short_duration(time.time() - process.identity.started_s)
    measured = [str(live.pid), age, _memory(live)]
    return [process.name, f"[green]{process.phase}[/]", *measured, *counts]


def _memory(process: psutil.Process) -> str:
    try:
        return f"{process.memory_info().rss / 1e6:.0f} MB"
    except psutil.Error:
        return ""
