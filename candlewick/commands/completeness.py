"""`candlewick completeness`: counts stored and missing candles, and shows the digests of days."""

import time
from collections.abc import Iterator
from dataclasses import asdict
from itertools import groupby
from typing import Annotated

import typer
from rich.table import Table

from candlewick.stack.local_settings import reader_settings
from candlewick.store.completeness import Month, read_completeness, read_digests
from candlewick.terminal.console import quiet_end
from candlewick.terminal.exit_codes import WRONG
from candlewick.terminal.json_lines import AsJson, print_json
from candlewick.terminal.numbers import marked
from candlewick.terminal.row_printer import RowPrinter
from candlewick.terminal.whole_tables import print_whole
from candlewick.terminal.wide_console import wide_console
from clients.clickhouse import connect_reader
from schemas.day_digest import DayDigest
from schemas.errors import ConfigurationError
from schemas.since import since_ms
from schemas.timeframe import FETCHED, Interval, parse_interval


def completeness(
    *,
    symbol: Annotated[str | None, typer.Option(help="Only this pair, for example BTCUSDT.")] = None,
    interval: Annotated[str | None, typer.Option(help="Only this interval: 1m, 15m.")] = None,
    digest: Annotated[
        bool, typer.Option("--digest", help="By day: a SHA-256 over its 1,440 1m candles.")
    ] = False,
    start: Annotated[
        str | None,
        typer.Option("--from", help="With --digest: first day, or 30d for 30 days back."),
    ] = None,
    end: Annotated[
        str | None, typer.Option("--to", help="With --digest: the day after the last.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show stored and missing candles, by symbol and month; exit code 1 if any is missing.

    With --digest, show the days instead. Two that hold the same candles of a day have the same
    digest. A day has none while one of its candles is missing or gapped, or if the exchange had
    an outage.
    """
    wanted = "" if interval is None else parse_interval(interval, FETCHED).value
    name = (symbol or "").upper()
    if not digest and (start or end):
        raise ConfigurationError("--from and --to are days of --digest: add it, or leave them out")
    if digest and wanted not in ("", Interval.ONE_MINUTE):
        raise ConfigurationError("--digest is over 1m candles: leave --interval out")
    from_ms, until_ms = _days(start, end)
    client = connect_reader(reader_settings().clickhouse)
    if digest:
        days = read_digests(client, symbol=name, from_ms=from_ms, until_ms=until_ms)
        _show_days(days, name, as_json=as_json)
        return
    months = list(read_completeness(client, symbol=name, interval=wanted))
    if not months:
        what = " ".join(part for part in (name, wanted) if part) or "any symbol"
        raise ConfigurationError(
            f"no candle of {what} is stored yet: `candlewick backfill` fetches the past"
        )
    with quiet_end():
        if as_json:
            print_json(map(asdict, months))
        else:
            _print(months)
    if any(month.missing for month in months):
        raise typer.Exit(WRONG)


def _days(start: str | None, end: str | None) -> tuple[int, int | None]:
    now_ms = time.time_ns() // 1_000_000
    from_ms = since_ms(start, now_ms=now_ms) if start else 0
    return from_ms, since_ms(end, now_ms=now_ms) if end else None


def _show_days(days: Iterator[DayDigest], name: str, *, as_json: bool) -> None:
    printer, is_any = RowPrinter(as_json=as_json), False
    with quiet_end():
        for _, some in groupby(days, key=lambda day: (day.symbol, day.day[:7])):
            printer.print([asdict(day) for day in some])
            is_any = True
    if not is_any:
        raise ConfigurationError(f"no 1m candle of {name or 'any symbol'} is stored of these days")


def _print(months: list[Month]) -> None:
    console = wide_console()
    print_whole(
        console, _table(months), spare=("ended", "irregular", "verified", "official", "unproven")
    )
    for line in _ends(months):
        console.print(line, soft_wrap=True)
    console.print(_summary(months), soft_wrap=True)


def _table(months: list[Month]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("symbol", "interval", "month"):
        table.add_column(name, no_wrap=True)
    numbers = ("expected", "held", "official", "irregular", "ended")
    for name in (*numbers, "unproven", "missing", "gapped", "verified", "mismatch", "differ"):
        table.add_column(name, justify="right", no_wrap=True)
    for m in months:
        counts = (f"{m.expected:,}", f"{m.held:,}", f"{m.official_holes:,}")
        holes = (f"{m.irregular_holes:,}", f"{m.ended_holes:,}")
        doubts = (marked(m.unproven_holes, "yellow"), marked(m.missing), marked(m.gapped))
        checks = (f"{m.verified:,}", marked(m.mismatched), marked(m.differing))
        table.add_row(m.symbol, m.interval, m.month, *counts, *holes, *doubts, *checks)
    return table


def _ends(months: list[Month]) -> list[str]:
    ends = {m.symbol: m.not_trading_since for m in months if m.not_trading_since}
    return [f"{symbol}: not trading since {since} UTC" for symbol, since in sorted(ends.items())]


def _summary(months: list[Month]) -> str:
    missing = sum(month.missing for month in months)
    if differing := sum(month.differing for month in months):
        return (
            f"{differing:,} candles of 15m are not what their 1m candles make, {missing:,} "
            "candles are missing: the table cross_checks says more"
        )
    if missing == 0:
        return f"nothing is missing: {sum(month.held for month in months):,} candles are stored"
    since = min(month.month for month in months if month.missing)
    return (
        f"{missing:,} candles of the exchange are missing, the oldest in {since}: "
        "`candlewick backfill` fetches them"
    )
