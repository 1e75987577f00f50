"""`candlewick scoreboard`: compares the models' stored scores."""

import re
import time
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console

from candlewick.offline.evaluation.tables import print_skills
from candlewick.stack.local_settings import reader_settings
from candlewick.store.predictions import PredictionTables
from candlewick.terminal.console import quiet_end
from candlewick.terminal.json_lines import AsJson, print_json
from candlewick.terminal.wide_console import wide_console
from clients.clickhouse import connect_reader
from processors.prediction.scoreboard import Scoreboard, Skill
from schemas.errors import ConfigurationError

_UNITS_MS = {"h": 3_600_000, "d": 86_400_000}


def scoreboard(
    *,
    symbol: Annotated[str | None, typer.Option(help="Only this pair, for example BTCUSDT.")] = None,
    since: Annotated[str, typer.Option(help="How far back, for example 12h or 7d.")] = "30d",
    as_json: AsJson = False,
) -> None:
    """Show the scores of every model's predictions beside those of the naive reference."""
    since_ms = int(time.time() * 1000) - _span_ms(since)
    console = wide_console()
    with connect_reader(reader_settings().clickhouse) as client, quiet_end():
        tables = PredictionTables(client, (symbol or "").upper())
        found = tables.scored(since_ms)
        if not found:
            raise ConfigurationError(f"no prediction has been scored in the last {since}")
        for name in found:  # one at a time: a month of a symbol has some 100,000 scores
            board = Scoreboard()
            board.add(tables.scores(name, since_ms))
            live = tables.asked_live(name, since_ms)
            _show(name, board.skills(), live, console, as_json=as_json)


def _show(symbol: str, skills: list[Skill], live: int, console: Console, *, as_json: bool) -> None:
    if as_json:
        body = {"symbol": symbol, "asked_live": live, "models": [asdict(s) for s in skills]}
        print_json([body])
        return
    asked = max((skill.cases for skill in skills), default=0)
    console.print(
        f"[bold]{symbol}[/]  {asked:,} questions, {live:,} answered live, others replayed"
    )
    print_skills(skills, console)


def _span_ms(text: str) -> int:
    match = re.fullmatch(r"([0-9]{1,6})([hd])", text.strip())
    if match is None:
        raise ConfigurationError(f"{text!r} is not a span of time: write for example 12h or 7d")
    return int(match[1]) * _UNITS_MS[match[2]]
