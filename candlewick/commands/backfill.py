"""`candlewick backfill`: fetches missing candles of the past, or proves them from trades."""

import asyncio
import time
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.live import Live

from candlewick.offline.proving.command import prove
from candlewick.stack.local_settings import reader_settings
from candlewick.terminal.backfill_view import (
    checks_told,
    holes_told,
    quiet_libraries,
    running_view,
    summary,
    track_row,
)
from candlewick.terminal.exit_codes import INTERRUPTED, WRONG
from candlewick.terminal.json_lines import AsJson, print_json
from candlewick.terminal.whole_tables import print_whole
from clients.kafka.followed_symbols import read_symbols
from producers.history.archive_plan import parse_choice
from producers.history.backfill import Progress, Wanted, alone, running
from producers.history.cross_check import run_and_compare
from schemas.errors import ConfigurationError
from schemas.settings import Settings
from schemas.since import since_ms
from schemas.timeframe import FETCHED, parse_interval

_REDRAW_S = 0.25


def backfill(
    *,
    symbols: Annotated[
        str | None, typer.Option(help="Pairs, comma separated; default: those of the settings.")
    ] = None,
    start: Annotated[
        str, typer.Option("--from", help="First day, or 30d for 30 days back.")
    ] = "2017-08-01",
    end: Annotated[
        str | None,
        typer.Option("--to", help="Day after the last; default: up to now."),
    ] = None,
    interval: Annotated[str, typer.Option(help="Intervals, comma separated.")] = "15m,1m",
    source: Annotated[
        str, typer.Option(help="Where to fetch candles from: auto, rest or archive.")
    ] = "auto",
    check_archives: Annotated[
        bool, typer.Option("--check-archives", help="Also fetch re-issued archives again.")
    ] = False,
    trades: Annotated[
        bool, typer.Option("--trades", help="Make own candles of whole days, from their trades.")
    ] = False,
    keep: Annotated[
        bool, typer.Option("--keep", help="With --trades: also keep the trades, in ClickHouse.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Fetch missing candles of the past from the exchange; it may be stopped and resumed.

    With --trades, archives of aggregate trades are read instead. They go through the same reducer
    as live ones, and the candles that they give are compared with the exchange's.
    """
    settings = reader_settings()
    span = _span(start, end)
    if keep and not trades:
        raise ConfigurationError("--keep is for trades: add --trades")
    if trades:
        prove(
            settings,
            _wanted(symbols, settings),
            span,
            keep=keep,
            checks_archives=check_archives,
            as_json=as_json,
        )
        return
    wanted = Wanted(
        symbols=_wanted(symbols, settings),
        intervals=tuple(
            parse_interval(name, FETCHED) for name in interval.replace(" ", "").split(",")
        ),
        start_ms=span[0],
        end_ms=span[1],
        choice=parse_choice(source),
        checks_archives=check_archives,
    )
    # With --json standard output holds nothing else: the rest is for people.
    console, progress = Console(highlight=False, stderr=as_json), Progress()
    quiet_libraries()
    code = 0
    try:
        asyncio.run(_shown(settings, wanted, progress, console))
    except KeyboardInterrupt:
        console.print("stopped; fetched candles are stored, and the next run goes on from there")
        code = INTERRUPTED
    if as_json:
        print_json([*map(track_row, progress.tracks), *map(asdict, progress.checks)])
    elif progress.tracks:
        print_whole(console, summary(progress), spare=("not listed yet", "ended", "irregular"))
        for line in holes_told(progress):
            console.print(line, soft_wrap=True, markup=False)
        for line in checks_told(progress):
            console.print(line, soft_wrap=True, markup=False)
    if code or any(track.missing_rows for track in progress.tracks):
        raise typer.Exit(code or WRONG)


async def _shown(settings: Settings, wanted: Wanted, progress: Progress, console: Console) -> None:
    work = asyncio.create_task(_work(settings, wanted, progress))
    if not console.is_terminal:
        await work
        return
    with Live(console=console, auto_refresh=False, transient=True) as live:
        try:
            while not work.done():
                live.update(running_view(progress, time.monotonic()), refresh=True)
                await asyncio.wait([work], timeout=_REDRAW_S)
        finally:
            work.cancel()
            await asyncio.wait([work])
    if not work.cancelled():
        work.result()


async def _work(settings: Settings, wanted: Wanted, progress: Progress) -> None:
    async with running(settings) as found, alone(settings, progress):
        await run_and_compare(found, wanted, progress)


def _span(start: str, end: str | None) -> tuple[int, int | None]:
    now_ms = time.time_ns() // 1_000_000
    start_ms = since_ms(start, now_ms=now_ms)
    end_ms = None if end is None else since_ms(end, now_ms=now_ms)
    if (now_ms if end_ms is None else end_ms) <= start_ms:
        until = "now" if end is None else f"--to {end}"
        raise ConfigurationError(f"{until} is not after --from {start}")
    return start_ms, end_ms


def _wanted(text: str | None, settings: Settings) -> tuple[str, ...]:
    """Return the named symbols, else those that are followed and that the exchange lists."""
    if names := _names(text):
        return names
    book = read_symbols(settings, name="candlewick-backfill")
    return tuple(filter(book.is_listed, book.names))


def _names(text: str | None) -> tuple[str, ...]:
    parts = (name.strip().upper() for name in (text or "").split(","))
    return tuple(dict.fromkeys(name for name in parts if name))
