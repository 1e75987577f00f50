"""The scoreboard of an evaluation as terminal tables."""

from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from candlewick.offline.evaluation.cells import cell, day, number, percent, plain_table
from candlewick.offline.evaluation.chance_tables import print_chances, print_earned
from candlewick.offline.evaluation.month_tables import print_months
from candlewick.terminal.whole_tables import print_whole
from processors.prediction.scoreboard import Skill

if TYPE_CHECKING:  # `scoreboard` has its skills from the store, and needs no model
    from candlewick.offline.evaluation.evaluate import Evaluation
    from candlewick.offline.evaluation.past import Findings, Past
    from candlewick.offline.evaluation.symbol_run import SymbolResult


def print_evaluation(evaluation: "Evaluation", console: Console) -> None:
    """Print the scoreboard and events of each symbol, and the digest of all predictions."""
    for result in evaluation.symbols:
        console.print(_heading(result))
        if not result.skills:
            console.print("no candle of the reported part could be scored\n")
            continue
        print_skills(result.skills, console)
        print_earned(result.earned, console)
        print_months(result.skills, result.months, console)
        for event in result.events:
            console.print(f"{day(event.event_ms)}  {event.model} {event.event}: {event.reason}")
        console.print()
    console.print(f"digest of all predictions  {evaluation.digest}")


def print_skills(skills: list[Skill], console: Console) -> None:
    """Print one symbol's models: skill, coverage by minutes to close and by volatility."""
    print_whole(console, _skill_table(skills), spare=("in 50", "bp"))
    print_whole(console, _minutes_table(skills))
    print_whole(console, _fifths_table(skills))
    print_chances(skills, console)


def findings_told(past: "Past") -> str:
    """Return what was found in a symbol's files: holes, candles given twice, disorder."""
    found = past.findings
    told = [_holes_told(found)]
    if found.twice:
        told.append(f"{found.twice:,} candles given twice, the file given last counts")
    if found.off_grid:
        told.append(f"{found.off_grid:,} rows between two candles left out")
    if found.impossible:
        told.append(f"{found.impossible:,} impossible candles taken for missing")
    if found.disordered:
        told.append(f"not in order of time: {', '.join(found.disordered)}")
    return f"{past.count:,} candles in {found.files} files: {'; '.join(told)}"


def _holes_told(found: "Findings") -> str:
    if not found.holes:
        return "no holes"
    start, end = max(found.holes, key=lambda hole: hole[1] - hole[0])
    return (
        f"{len(found.holes)} holes of {found.missing_minutes:,} minutes, "
        f"the longest {day(start)} to {day(end)}"
    )


def _heading(result: "SymbolResult") -> str:
    past = result.past
    return (
        f"[bold]{result.symbol}[/] {past.interval}, {day(past.from_ms)} to "
        f"{day(past.until_ms)}, reported from {day(result.reported_from_ms)}\n"
        f"{findings_told(past)}\n"
        f"{result.predictions:,} predictions; champion at the end: {result.champion}"
    )


def _skill_table(skills: list[Skill]) -> Table:
    table = plain_table(
        "model", "cases", "point skill %", "pinball", "Winkler", "in 50", "in 90", "bp"
    )
    for s in skills:
        table.add_row(
            s.model,
            f"{s.cases:,}",
            f"{number(100 * s.point_skill, 3)} ± {number(100 * s.point_skill_error, 3)}",
            number(s.pinball_better_pct, 2),
            number(s.winkler_better_pct, 2),
            percent(s.overall.coverage_50),
            percent(s.overall.coverage_90),
            number(s.overall.width_90_bp, 1),
        )
    table.caption = "pinball, Winkler: better than the constant interval, %; bp: width of the 90 %"
    table.caption_justify = "left"
    return table


def _minutes_table(skills: list[Skill]) -> Table:
    table = plain_table("minutes to close: in 90 %", *(s.model for s in skills))
    for minutes in skills[0].by_minutes:
        found = [s.by_minutes.get(minutes) for s in skills]  # a model may have had no answer
        table.add_row(str(minutes), *(percent(one.coverage_90) if one else "-" for one in found))
    return table


def _fifths_table(skills: list[Skill]) -> Table:
    table = plain_table("model", "calmest", "2", "3", "4", "wildest")
    for s in skills:
        table.add_row(s.model, *map(cell, s.by_fifth))
    table.caption = "fifths of volatility: in 90 %, and its width in bp"
    table.caption_justify = "left"
    return table
