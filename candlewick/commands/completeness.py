"""`candlewick completeness`: counts stored and missing candles."""

import sys
from dataclasses import asdict
from typing import Annotated

import orjson
import typer
from rich.table import Table

from candlewick.stack.local_settings import reader_settings
from candlewick.store.completeness import Month, read_completeness
from candlewick.terminal.console import quiet_end
from candlewick.terminal.whole_tables import print_whole
from candlewick.terminal.wide_console import wide_console
from clients.clickhouse import connect_reader
from schemas.errors import ConfigurationError
from schemas.timeframe import parse_interval


def completeness(
    *,
    symbol: Annotated[str | None, typer.Option(help="Only this pair, for example BTCUSDT.")] = None,
    interval: Annotated[str | None, typer.Option(help="Only this interval: 1m, 15m.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Show stored and missing candles, by symbol and month; exit code 1 if any is missing."""
    wanted = "" if interval is None else parse_interval(interval).value
    name = (symbol or "").upper()
    client = connect_reader(reader_settings().clickhouse)
    months = list(read_completeness(client, symbol=name, interval=wanted))
    if not months:
        what = " ".join(part for part in (name, wanted) if part) or "any symbol"
        raise ConfigurationError(
            f"no candle of {what} is stored yet: `candlewick backfill` fetches the past"
        )
    with quiet_end():
        if as_json:
            sys.stdout.writelines(orjson.dumps(asdict(m)).decode() + "\n" for m in months)
        else:
            _print(months)
    if any(month.missing for month in months):
        raise typer.Exit(1)


def _print(months: list[Month]) -> None:
    console = wide_console()
    print_whole(
        console, _table(months), spare=("ended", "irregular", "verified", "official", "unproven")
    )
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
        doubts = (_marked(m.unproven_holes, "yellow"), _marked(m.missing), _marked(m.gapped))
        checks = (f"{m.verified:,}", _marked(m.mismatched), _marked(m.differing))
        table.add_row(m.symbol, m.interval, m.month, *counts, *holes, *doubts, *checks)
    return table


def _marked(count: int, colour: str = "red") -> str:
    return f"[{colour}]{count:,}[/]" if count else "0"


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
