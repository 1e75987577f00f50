"""`candlewick lifecycle`: shows the size and retention of every table."""

import re
from dataclasses import asdict

from rich.table import Table

from candlewick.stack.local_settings import reader_settings
from candlewick.store.retention import wanted_ttls
from candlewick.terminal.console import quiet_end
from candlewick.terminal.json_lines import AsJson, print_json
from candlewick.terminal.row_printer import utc
from candlewick.terminal.whole_tables import print_whole
from candlewick.terminal.wide_console import wide_console
from clients.clickhouse import connect_reader
from clients.table_sizes import TableSize, read_table_sizes
from schemas.errors import ConfigurationError

_AGE = re.compile(r"toDateTime\(\w+\) \+ toIntervalDay\((\d+)\)")
_UNITS = {"toDate": "day", "toYYYYMM": "month", "toYear": "year"}


def lifecycle(
    *,
    as_json: AsJson = False,
) -> None:
    """Show every table: rows, bytes, oldest and newest, how long rows are kept."""
    settings = reader_settings()
    tables = read_table_sizes(connect_reader(settings.clickhouse))
    if not tables:
        raise ConfigurationError("there are no tables yet: `candlewick migrate` creates them")
    wanted = wanted_ttls(settings.lifecycle)
    differing = [t.table for t in tables if t.ttl != wanted.get(t.table, t.ttl)]
    with quiet_end():
        if as_json:
            print_json(map(asdict, tables))
        else:
            _print(tables, differing)


def kept(ttl: str) -> str:
    """Describe how long a TTL keeps rows.

    >>> kept("toDateTime(stored_time) + toIntervalDay(30)")
    '30 days'
    """
    rules = [rule for rule in _rules(ttl) if "RECOMPRESS" not in rule]
    return ", ".join(rule.replace("WHERE", "where") for rule in rules) or "for ever"


def recompressed(ttl: str) -> str:
    """Describe when a TTL compresses rows harder.

    >>> recompressed("toDateTime(stored_time) + toIntervalDay(2) RECOMPRESS CODEC(ZSTD(6))")
    'ZSTD(6) after 2 days'
    """
    parts = [rule.split(" RECOMPRESS ") for rule in _rules(ttl) if "RECOMPRESS" in rule]
    return ", ".join(f"{codec[len('CODEC(') : -1]} after {age}" for age, codec in parts)


def _rules(ttl: str) -> list[str]:
    return [_AGE.sub(_days, rule) for rule in ttl.split(", ") if rule]


def _days(age: re.Match[str]) -> str:
    return "1 day" if age[1] == "1" else f"{age[1]} days"


def _print(tables: list[TableSize], differing: list[str]) -> None:
    console = wide_console()
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("table", no_wrap=True)
    for name in ("rows", "MB", "ratio"):
        table.add_column(name, justify="right", no_wrap=True)
    for name in ("oldest", "newest", "kept", "recompressed", "partitions"):
        table.add_column(name)
    for size in tables:
        table.add_row(*_row(size))
    print_whole(console, table, spare=("recompressed", "ratio", "partitions", "oldest"))
    if differing:
        text = f"the settings differ for {', '.join(differing)}: `candlewick migrate` applies"
        console.print(f"[yellow]{text} them[/]", soft_wrap=True)


def _row(size: TableSize) -> list[str]:
    ratio = f"{size.uncompressed_bytes / size.bytes:.1f}" if size.bytes else ""
    numbers = [f"{size.rows:,}", f"{size.bytes / 1e6:,.1f}", ratio]
    times = ["" if ms is None else utc(ms)[:16] for ms in (size.oldest_ms, size.newest_ms)]
    unit = _UNITS.get(size.partition_key.split("(")[0], size.partition_key)
    by = f"{size.partitions} by {unit}" if unit else "one"
    return [size.table, *numbers, *times, kept(size.ttl), recompressed(size.ttl), by]
