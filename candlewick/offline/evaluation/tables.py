"""The scoreboard of an evaluation as terminal tables."""

from datetime import UTC, datetime
from math import isnan

from rich.console import Console
from rich.table import Table

from candlewick.offline.evaluation.evaluate import Evaluation, SymbolResult
from candlewick.terminal.whole_tables import print_whole
from processors.prediction.scoreboard import Calibration, Skill


def print_evaluation(evaluation: Evaluation, console: Console) -> None:
    """Print the scoreboard and events of each symbol, and the digest of all predictions."""
    for result in evaluation.symbols:
        console.print(_heading(result))
        print_skills(result.skills, console)
        for event in result.events:
            console.print(f"{_day(event.event_ms)}  {event.model} {event.event}: {event.reason}")
        console.print()
    console.print(f"digest of all predictions  {evaluation.digest}")


def print_skills(skills: list[Skill], console: Console) -> None:
    """Print one symbol's models: skill, coverage by minutes to close and by volatility."""
    print_whole(console, _skill_table(skills), spare=("in 50", "bp"))
    print_whole(console, _minutes_table(skills))
    print_whole(console, _fifths_table(skills))


def _heading(result: SymbolResult) -> str:
    return (
        f"[bold]{result.symbol}[/] {result.interval}, {_day(result.from_ms)} to "
        f"{_day(result.until_ms)}, reported from {_day(result.reported_from_ms)}\n"
        f"{result.predictions:,} predictions; champion at the end: {result.champion}"
    )


def _skill_table(skills: list[Skill]) -> Table:
    table = _table("model", "cases", "point skill %", "pinball", "Winkler", "in 50", "in 90", "bp")
    for s in skills:
        table.add_row(
            s.model,
            f"{s.cases:,}",
            f"{_number(100 * s.point_skill, 3)} ± {_number(100 * s.point_skill_error, 3)}",
            _number(s.pinball_better_pct, 2),
            _number(s.winkler_better_pct, 2),
            _percent(s.overall.coverage_50),
            _percent(s.overall.coverage_90),
            _number(s.overall.width_90_bp, 1),
        )
    table.caption = "pinball, Winkler: better than the constant interval, %; bp: width of the 90 %"
    table.caption_justify = "left"
    return table


def _minutes_table(skills: list[Skill]) -> Table:
    table = _table("minutes to close: in 90 %", *(s.model for s in skills))
    for minutes in skills[0].by_minutes:
        shares = (_percent(s.by_minutes[minutes].coverage_90) for s in skills)
        table.add_row(str(minutes), *shares)
    return table


def _fifths_table(skills: list[Skill]) -> Table:
    table = _table("model", "calmest", "2", "3", "4", "wildest")
    for s in skills:
        table.add_row(s.model, *map(_cell, s.by_fifth))
    table.caption = "fifths of volatility: in 90 %, and its width in bp"
    table.caption_justify = "left"
    return table


def _table(first: str, *others: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(first, no_wrap=True)
    for heading in others:
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def _cell(calibration: Calibration) -> str:
    return f"{_percent(calibration.coverage_90)} ({_number(calibration.width_90_bp, 0)})"


def _percent(share: float) -> str:
    return _number(100 * share, 1)


def _number(value: float, places: int) -> str:
    return "-" if isnan(value) else f"{value:.{places}f}"


def _day(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M")
