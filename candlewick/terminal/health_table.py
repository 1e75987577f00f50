"""The health report of `candlewick status`: a table, and a line for each part with a fault."""

from collections.abc import Iterator, Mapping

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from candlewick.client.rest.health_rows import Health
from candlewick.terminal.numbers import short_duration

NAME_COLUMNS = 24
SYMBOL_COLUMNS = 12
FAR_MS = 60_000
COLOURS = {"ok": "green", "starting": "yellow", "down": "red"}


def print_health(console: Console, health: Health) -> None:
    """Print the table, a line for each part that is not ok, and the overall state."""
    console.print(health_table(health))
    for name, part in health.parts.items():
        if part.state != "ok":
            reason = escape(part.reason or "")
            words = f"[{COLOURS[part.state]}]{part.state}[/] {name}: {reason}"
            console.print(words, soft_wrap=True)
    state, clock = health.status, _clock(health.clock_offset_ms)
    console.print(f"data [{COLOURS[state]}]{state}[/]{clock}", soft_wrap=True)


def _clock(offset_ms: int | None) -> str:
    """Return how the newest trades are to our clock; by more than a minute, with what that means.

    The exchange's clock is known from them.
    """
    if offset_ms is None:
        return ""
    if abs(offset_ms) < FAR_MS:
        return f" · the exchange's clock is {offset_ms:+,} ms from ours"
    apart = short_duration(abs(offset_ms) / 1000)
    if offset_ms > 0:
        return f" · [yellow]the newest trades are {apart} ahead of our clock[/]: set it"
    return (
        f" · [yellow]the newest trades are {apart} old[/]: the stream is catching up, or our clock "
        "is ahead"
    )


def health_table(health: Health) -> Table:
    """Return a table with the age of each table's newest row and the lag of each group."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("data", no_wrap=True, overflow="ellipsis", max_width=NAME_COLUMNS)
    table.add_column("newest", justify="right", no_wrap=True)
    table.add_column("slowest", justify="right", no_wrap=True)
    table.add_column("symbol", no_wrap=True, overflow="ellipsis", max_width=SYMBOL_COLUMNS)
    table.add_column("waiting", justify="right", no_wrap=True)
    for row in (*_stored(health), *_live(health), *_groups(health)):
        table.add_row(*map(escape, row))
    return table


def _stored(health: Health) -> Iterator[tuple[str, ...]]:
    rows = health.stored or []
    for name in dict.fromkeys(row.table for row in rows):
        ages = {row.symbol: row.age_s for row in rows if row.table == name}
        yield f"stored {name}", *_newest_and_slowest(ages), ""


def _live(health: Health) -> Iterator[tuple[str, ...]]:
    ages = {row.symbol: row.age_s for row in health.symbols}
    yield "live candles", *_newest_and_slowest(ages), ""
    yield "live predictions", _age(health.newest_prediction_age_s), "", "", ""


def _groups(health: Health) -> Iterator[tuple[str, ...]]:
    lags = health.lag or []
    for group in dict.fromkeys(lag.group for lag in lags):
        ours = [lag for lag in lags if lag.group == group]
        slowest = max(lag.seconds for lag in ours)
        waiting = f"{sum(lag.records for lag in ours):,}"
        yield group.removeprefix("candlewick-") + " behind", "", _age(slowest), "", waiting


def _newest_and_slowest(ages: Mapping[str, float | None]) -> tuple[str, str, str]:
    known = {symbol: age_s for symbol, age_s in ages.items() if age_s is not None}
    if not known:
        return "none", "", ""
    # A symbol without recent data counts as slower than any with an age.
    slowest = next((s for s in ages if s not in known), max(known, key=lambda s: known[s]))
    return _age(min(known.values())), _age(ages[slowest]), slowest


def _age(age_s: float | None) -> str:
    return "none" if age_s is None else short_duration(age_s)
