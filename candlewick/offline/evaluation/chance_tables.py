"""Tables of the chance that a candle closes up: its scores, its reliability, skill by minutes."""

from rich.console import Console
from rich.table import Table

from candlewick.offline.evaluation.cells import number, percent, plain_table
from candlewick.terminal.whole_tables import print_whole
from processors.prediction.chance_tally import ChanceSkill
from processors.prediction.following import FEES_BP, Earned
from processors.prediction.scoreboard import Skill

Chances = dict[str, ChanceSkill]


def print_chances(skills: list[Skill], console: Console) -> None:
    """Print what each model's chances were worth; nothing if no score has one."""
    chances = {s.model: s.chance for s in skills if s.chance is not None}
    if chances:
        print_whole(console, _scores_table(chances), spare=("resolution",))
        print_whole(console, _tenths_table(chances))
        print_whole(console, _minutes_table(chances))


def print_earned(earned: list[Earned], console: Console) -> None:
    """Print what following the chance would have earned; nothing if there was no trade."""
    if any(row.trades for row in earned):
        fees = (f"net at {number(fee / 100, 2)} %" for fee in FEES_BP[1:])
        table = plain_table("chance from", "trades", "gross bp", *fees)
        for row in earned:
            gross = f"{number(row.gross_bp, 2)} ± {number(row.error_bp, 2)}"
            net = (number(value, 2) for value in row.net_bp[1:])
            table.add_row(f"{percent(row.threshold)} %", f"{row.trades:,}", gross, *net)
        table.caption = "one trade a candle at most; a fee for each of its two orders"
        table.caption_justify = "left"
        print_whole(console, table)


def _scores_table(chances: Chances) -> Table:
    headings = ("Brier", "log loss", "better %", "reliability", "resolution", "vs climate %")
    table = plain_table("chance to close up", *headings)
    for model, chance in chances.items():
        table.add_row(
            model,
            number(chance.brier, 4),
            number(chance.log_loss, 4),
            f"{number(chance.brier_better_pct, 2)} ± {number(chance.brier_better_error, 2)}",
            number(chance.reliability, 5),
            number(chance.resolution, 4),
            number(chance.climatology_better_pct, 1),
        )
    first = next(iter(chances.values()))
    table.caption = (
        f"Brier score better than the constant interval's, and than always saying "
        f"{percent(first.share_up)} %"
    )
    table.caption_justify = "left"
    return table


def _tenths_table(chances: Chances) -> Table:
    table = plain_table("closed up, %, when told", *chances)
    for place in range(10):
        tenths = [chance.tenths[place] for chance in chances.values()]
        cells = (f"{percent(t.share_up)} ({percent(t.chance)})" if t.cases else "-" for t in tenths)
        table.add_row(f"{10 * place} to {10 * place + 10} %", *cells)
    table.caption = "in brackets: the mean of what was told"
    table.caption_justify = "left"
    return table


def _minutes_table(chances: Chances) -> Table:
    table = plain_table("minutes to close: Brier better %", *chances)
    for minutes in next(iter(chances.values())).by_minutes:
        shown = (chance.by_minutes.get(minutes) for chance in chances.values())
        table.add_row(str(minutes), *("-" if s is None else number(s, 2) for s in shown))
    return table
