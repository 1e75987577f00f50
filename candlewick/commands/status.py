"""`candlewick status`: shows the processes and the health of the data."""

import time
from math import isinf

import psutil
import typer
from rich.console import Console
from rich.table import Table

from candlewick.client.stack_health import ask_health
from candlewick.doctor.room import ADVICE, Lasting, measured
from candlewick.stack.api_address import page_url
from candlewick.stack.folder import StackFolder
from candlewick.stack.local_settings import reader_settings, stack_folder
from candlewick.stack.process_memory import memory_bytes
from candlewick.stack.state import Phase, ProcessState, StackState
from candlewick.terminal.exit_codes import WRONG
from candlewick.terminal.health_table import print_health
from candlewick.terminal.json_lines import AsJson, print_json, told
from candlewick.terminal.numbers import short_duration
from candlewick.terminal.whole_tables import print_whole
from clients.limits import within
from schemas.errors import CandlewickError
from schemas.settings import Settings, load_settings

API = "api"
GONE = "gone"  # the state file has it as running, and it is not there
LASTS_S = 5.0
COMES_UP_S = 60.0  # time the API may take after its start until it answers


def status(
    *,
    as_json: AsJson = False,
) -> None:
    """Show every process of the pipeline, and whether data flows.

    The exit code is 1 if a process does not run, or if all run but data does not flow. A process
    is `gone` if the supervisor counts it as running and it is not there.
    """
    settings = load_settings()
    folder = stack_folder(settings)
    state = folder.running()
    console = Console(highlight=False)
    if state is None:
        if as_json:
            print_json([{"ready": False, "processes": [], "health": None, **_days(None)}])
            raise typer.Exit(WRONG)
        console.print(
            folder.held_unseen()
            or f"nothing runs in {folder.root}: start the stack with `{folder.starter}`; of one in "
            "containers the API's /healthcheck tells",
            soft_wrap=True,
        )
        raise typer.Exit(WRONG)
    if not as_json:  # before anybody is asked who may not answer
        _print_processes(console, settings, state)
    health = ask_health(settings.api, state.addresses.api)
    if as_json:
        lasts = _lasts(folder)
        processes = [told(_fields(process)) for process in state.processes]
        answered = None if health is None else health.model_dump(mode="json")
        print_json(
            [{"ready": state.ready, "processes": processes, "health": answered, **_days(lasts)}]
        )
    else:
        if health is not None:
            print_health(console, health)
        else:
            console.print("the API does not answer: it is not known whether data flows")
        _print_lasting(console, _lasts(folder))
    runs = state.ready and all(_phase(p, p.find()) == Phase.RUNNING for p in state.processes)
    moves = is_coming_up(state, time.time()) if health is None else health.status != "down"
    if not runs or not moves:
        raise typer.Exit(WRONG)


def _print_processes(console: Console, settings: Settings, state: StackState) -> None:
    print_whole(console, process_table(state.processes), spare=("memory", "pid"))
    where = state.addresses
    page = page_url(settings.api.model_copy(update={"port": where.api}))
    servers = f"ClickHouse {where.clickhouse_url} · Kafka {where.bootstrap_servers}"
    console.print(f"page {page} · {servers}", soft_wrap=True)
    if gone := [p.name for p in state.processes if _phase(p, p.find()) == GONE]:
        console.print(
            f"gone without the supervisor's notice: {', '.join(gone)}. If this stays so, it does "
            "not move: end it with `candlewick down`, then start the stack again",
            soft_wrap=True,
        )
    console.print()


def _lasts(folder: StackFolder) -> Lasting | None:
    """Return how long the disk lasts; None if that is not known."""
    try:
        settings = reader_settings().clickhouse
        return within(LASTS_S, "ClickHouse (sizes)", lambda: measured(settings, folder))
    except (CandlewickError, OSError):  # ClickHouse is away, or the passwords are somebody else's
        return None


def _days(lasts: Lasting | None) -> dict[str, float | None]:
    known = lasts is not None and not isinf(lasts.days)
    return {"disk_full_days": round(lasts.days, 1) if lasts and known else None}


def _print_lasting(console: Console, lasts: Lasting | None) -> None:
    if lasts is None:
        console.print("how long the disk lasts is not known yet")
        return
    colour, advice = ("yellow", f" → {ADVICE}") if lasts.is_soon else ("green", "")
    console.print(f"the disk lasts [{colour}]{lasts.said}[/]{advice}", soft_wrap=True)


def is_coming_up(state: StackState, now_s: float) -> bool:
    """Return whether the API was started so lately, for the first time, that it need not answer.

    One that was started again may be one that never comes up.

    Args:
        state: State of the stack.
        now_s: UTC epoch seconds.
    """
    first = [p.identity for p in state.processes if p.name == API and p.restarts == 0]
    return any(each is not None and now_s - each.started_s < COMES_UP_S for each in first)


def process_table(processes: tuple[ProcessState, ...]) -> Table:
    """Return a table of the processes, their state and their use of memory."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("process")
    table.add_column("state")
    for right in ("pid", "up", "memory", "restarts", "last exit"):
        table.add_column(right, justify="right", no_wrap=True)
    for process in processes:
        table.add_row(*_row(process))
    return table


def _phase(process: ProcessState, live: psutil.Process | None) -> str:
    """Return the phase as it is, not as a supervisor that stands still has written it down."""
    return GONE if process.phase is Phase.RUNNING and live is None else process.phase


def _fields(process: ProcessState) -> dict[str, object]:
    live = process.find()
    started_s = process.identity.started_s if live and process.identity else -1
    return {
        "name": process.name,
        "phase": _phase(process, live),
        "pid": live.pid if live else None,
        "started_ms": int(started_s * 1000),
        "memory_bytes": memory_bytes(live) if live else None,
        "restarts": process.restarts,
        "last_exit": process.last_exit,
    }


def _row(process: ProcessState) -> list[str]:
    live = process.find()
    last = "" if process.last_exit is None else str(process.last_exit)
    counts = [str(process.restarts), last]
    if live is None or process.identity is None:
        return [process.name, f"[red]{_phase(process, live)}[/]", "", "", "", *counts]
    age = short_duration(time.time() - process.identity.started_s)
    measured = [str(live.pid), age, _memory(live)]
    return [process.name, f"[green]{process.phase}[/]", *measured, *counts]


def _memory(process: psutil.Process) -> str:
    found = memory_bytes(process)
    return "" if found is None else f"{found / 1e6:.0f} MB"
