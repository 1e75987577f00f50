"""Tables by month of an evaluation: skill, coverage of the champion, and the worst days."""

from rich.console import Console
from rich.table import Table

from candlewick.offline.evaluation.cells import cell, day, number, percent, plain_table
from candlewick.terminal.whole_tables import print_whole
from processors.prediction.chance_tally import ChanceSkill
from processors.prediction.scoreboard import CHAMPION, REFERENCE, Days, Skill

Months = dict[str, list[Skill]]


def print_months(skills: list[Skill], months: Months, console: Console) -> None:
    """Print one symbol's months, and how steady each model was; nothing for a single month."""
    if len(months) > 1:
        print_whole(console, _skill_table(skills, months), spare=("in 50",))
        print_whole(console, _minutes_table(months))
        print_whole(console, _fifths_table(months))
    print_whole(console, _days_table(skills))


def _skill_table(skills: list[Skill], months: Months) -> Table:
    models = [s.model for s in skills if s.model != REFERENCE]
    table = plain_table(
        "month", "cases", *models, "Winkler", "Brier", "log loss", "in 50", "in 90", "worse days"
    )
    for month, found in months.items():
        by_model = {s.model: s for s in found}
        champion = by_model.get(CHAMPION)
        pinball = [
            number(by_model[m].pinball_better_pct, 2) if m in by_model else "-" for m in models
        ]
        if champion is not None:
            table.add_row(
                month,
                f"{champion.cases:,}",
                *pinball,
                number(champion.winkler_better_pct, 2),
                *_chance_cells(champion.chance),
                percent(champion.overall.coverage_50),
                percent(champion.overall.coverage_90),
                f"{champion.days.worse} of {champion.days.count}",
            )
    table.caption = "pinball loss by model; the champion's Winkler, Brier, log loss: better by %"
    table.caption_justify = "left"
    return table


def _chance_cells(chance: ChanceSkill | None) -> tuple[str, str]:
    if chance is None:
        return "-", "-"
    log_loss_pct = 100 * (1 - chance.log_loss / chance.log_loss_of_constant)
    return number(chance.brier_better_pct, 2), number(log_loss_pct, 2)


def _minutes_table(months: Months) -> Table:
    champions = _champions(months)
    minutes = sorted({m for skill in champions.values() for m in skill.by_minutes}, reverse=True)
    table = plain_table("month", *map(str, minutes))
    for month, skill in champions.items():
        shown = (skill.by_minutes.get(m) for m in minutes)
        table.add_row(month, *(percent(found.coverage_90) if found else "-" for found in shown))
    table.caption = "minutes to close: in the champion's 90 %"
    table.caption_justify = "left"
    return table


def _fifths_table(months: Months) -> Table:
    table = plain_table("month", "calmest", "2", "3", "4", "wildest")
    for month, skill in _champions(months).items():
        table.add_row(month, *map(cell, skill.by_fifth))
    table.caption = "fifths of the month's volatility: in the champion's 90 %, and its width in bp"
    table.caption_justify = "left"
    return table


def _days_table(skills: list[Skill]) -> Table:
    table = plain_table("model", "days", "worse", "worse, %", "worst week", "pinball in it")
    for s in skills:
        if s.model != REFERENCE:
            table.add_row(s.model, *_days_cells(s.days))
    table.caption = "days on which the pinball loss was higher than the reference's; whole weeks"
    table.caption_justify = "left"
    return table


def _days_cells(days: Days) -> tuple[str, ...]:
    share = number(100 * days.worse / days.count, 1)
    week = "-" if days.worst_week_ms is None else day(days.worst_week_ms)[:10]
    return str(days.count), str(days.worse), share, week, number(days.worst_week_pct, 2)


def _champions(months: Months) -> dict[str, Skill]:
    found = ((month, s) for month, skills in months.items() for s in skills)
    return {month: s for month, s in found if s.model == CHAMPION}
