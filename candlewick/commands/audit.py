"""`candlewick audit`: compares our candles with the exchange's."""

from dataclasses import asdict
from typing import Annotated

import typer
from rich.table import Table

from candlewick.stack.local_settings import reader_settings
from candlewick.store.audits import Audit, Difference, Tally
from candlewick.terminal.console import quiet_end
from candlewick.terminal.exit_codes import WRONG
from candlewick.terminal.json_lines import AsJson, print_json
from candlewick.terminal.row_printer import utc
from candlewick.terminal.whole_tables import print_whole
from candlewick.terminal.wide_console import wide_console
from clients.clickhouse import connect_reader
from schemas.errors import ConfigurationError
from schemas.timeframe import FETCHED, parse_interval

_MOST_SHOWN = 20


def audit(
    *,
    symbol: Annotated[str | None, typer.Option(help="Only this pair, for example BTCUSDT.")] = None,
    interval: Annotated[str | None, typer.Option(help="Only this interval: 1m, 15m.")] = None,
    as_json: AsJson = False,
) -> None:
    """Compare our candles with the exchange's, field by field; exit code 1 if one differs.

    Also told are candles of ours whose trade ids do not follow those of the candle before.
    """
    wanted = "" if interval is None else parse_interval(interval, FETCHED).value
    client = connect_reader(reader_settings().clickhouse)
    asked = Audit(client, (symbol or "").upper(), wanted)
    tallies, differences = asked.tallies(), asked.differences(most=_MOST_SHOWN)
    with quiet_end():
        if as_json:
            print_json([*map(asdict, tallies), *map(asdict, differences)])
        else:
            _print_tables(tallies, differences)
    if not differences and not any(tally.verified + tally.mismatch for tally in tallies):
        raise ConfigurationError(_nothing(tallies))
    if differences:
        raise typer.Exit(WRONG)


def _nothing(tallies: list[Tally]) -> str:
    if not tallies:
        return "there is nothing to compare: no such candle made from trades is stored yet"
    return "nothing could be compared: the exchange's klines of these candles are not stored yet"


def _print_tables(tallies: list[Tally], differences: list[Difference]) -> None:
    console = wide_console()
    if tallies:
        print_whole(console, _counts(tallies))
    if differences:
        print_whole(console, _values(differences), spare=("exchange's source",))


def _counts(tallies: list[Tally]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("symbol")
    table.add_column("interval")
    for name in ("verified", "mismatch", "gapped", "only ours", "only exchange"):
        table.add_column(name, justify="right")
    for t in tallies:
        bad = f"[red]{t.mismatch}[/]" if t.mismatch else "0"
        counts = (str(t.verified), bad, str(t.gapped), str(t.only_ours), str(t.only_exchange))
        table.add_row(t.symbol, t.interval, *counts)
    return table


def _values(differences: list[Difference]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", title="First differences")
    for name in ("symbol", "interval", "opens", "field", "ours", "exchange", "exchange's source"):
        table.add_column(name)
    for d in differences:
        values = (d.field, d.ours, d.exchange, d.exchange_source)
        table.add_row(d.symbol, d.interval, utc(d.open_ms), *values)
    return table
