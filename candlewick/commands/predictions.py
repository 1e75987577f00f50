"""`candlewick predictions`: shows the newest predictions."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.table import Table

from candlewick.stack.local_settings import reader_settings
from candlewick.store.predictions import PredictionTables
from candlewick.terminal.console import quiet_end
from candlewick.terminal.json_lines import AsJson, print_json
from candlewick.terminal.whole_tables import print_whole
from candlewick.terminal.wide_console import wide_console
from clients.clickhouse import connect_reader
from schemas.decimals import plain
from schemas.errors import ConfigurationError
from schemas.predictions import Prediction

SPARE = ("50 % interval", "last")  # left out on a narrow terminal


def predictions(
    *,
    symbol: Annotated[str | None, typer.Option(help="Only this pair, for example BTCUSDT.")] = None,
    every: Annotated[
        bool, typer.Option("--all-models", help="Show every model's, not only the champion's.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show the predicted close of each open candle, its intervals, and the chance to close up."""
    with connect_reader(reader_settings().clickhouse) as client:
        found = PredictionTables(client, (symbol or "").upper()).newest()
    if not found:
        raise ConfigurationError("no prediction is stored yet: `candlewick status` shows what runs")
    chosen = found if every else [p for p in found if p.champion]
    champions = {} if every else {p.symbol: p for p in found if p.chance_champion}
    with quiet_end():
        if as_json:
            print_json(map(asdict, chosen))
        else:
            print_whole(wide_console(), _table(chosen, champions), spare=SPARE)


def _table(chosen: Iterable[Prediction], champions: Mapping[str, Prediction]) -> Table:
    """Return the table; ``champions`` has the predictions whose chance is shown, by symbol."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("symbol", "model"):
        table.add_column(name, no_wrap=True)
    for name in ("closes", "last", "predicted", "50 % interval", "90 % interval", "up"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("status")
    for p in chosen:
        table.add_row(*_cells(p, champions.get(p.symbol, p)))
    table.caption = (
        "Times UTC. The reference predicts the last price, with a constant interval. "
        "Up: the chance of a close at or above the open, by the model named after it, if any."
    )
    table.caption_justify = "left"
    return table


def _cells(p: Prediction, said: Prediction) -> tuple[str, ...]:
    late = p.close_ms < datetime.now(UTC).timestamp() * 1000
    return (
        p.symbol,
        p.model,
        datetime.fromtimestamp(p.close_ms / 1000, UTC).strftime("%H:%M"),
        plain(p.last_price_e8),
        plain(p.price_e8),
        f"{plain(p.low_50_e8)}–{plain(p.high_50_e8)}",  # noqa: RUF001 - a range
        f"{plain(p.low_90_e8)}–{plain(p.high_90_e8)}",  # noqa: RUF001 - a range
        _chance(said) + ("" if said.model == p.model else f" {said.model}"),
        "[red]old[/]" if late else p.status,
    )


def _chance(said: Prediction) -> str:
    """Return a chance in whole percent; nothing is certain before the close."""
    if said.chance_up is None:
        return "-"
    return f"{min(max(round(100 * said.chance_up), 1), 99)} %"
