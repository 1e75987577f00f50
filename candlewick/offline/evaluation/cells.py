"""Cells of the tables of an evaluation, and the plain table they stand in."""

from datetime import UTC, datetime
from math import isnan

from rich.table import Table

from processors.prediction.scoreboard import Calibration


def plain_table(first: str, *others: str) -> Table:
    """Return a table without rules: a column of names, then columns of numbers."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(first, no_wrap=True)
    for heading in others:
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def cell(calibration: Calibration) -> str:
    """Return the share of cases inside the 90 % interval, and its width in basis points."""
    return f"{percent(calibration.coverage_90)} ({number(calibration.width_90_bp, 0)})"


def percent(share: float) -> str:
    """Return a share in percent."""
    return number(100 * share, 1)


def number(value: float, places: int) -> str:
    """Return a number with so many places; a dash for NaN."""
    return "-" if isnan(value) else f"{value:.{places}f}"


def day(at_ms: int) -> str:
    """Return a moment as day and minute, in UTC."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M")
