"""Terminal view of a backfill: progress bars while it runs, a summary at its end."""

import time

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from producers.history.backfill import Progress
from producers.history.progress import SeriesProgress

_BAR = 30


def running_view(progress: Progress, now_s: float) -> RenderableType:
    """Return a progress bar for each symbol and interval, and one line about the total."""
    if not progress.tracks:
        return Text(progress.says)
    table = Table(box=None, pad_edge=False, show_header=False)
    for track in progress.tracks:
        done = track.wanted_rows if track.is_done else _done(track)
        bar = ProgressBar(total=max(track.wanted_rows, 1), completed=done, width=_BAR)
        table.add_row(track.symbol, track.interval.value, bar, f"{done:,} of {track.wanted_rows:,}")
    return Group(table, Text(_line(progress, now_s)))


def summary(progress: Progress) -> Table:
    """Return a table of stored and missing candles, with a row for each symbol and interval."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("symbol")
    table.add_column("interval")
    for name in ("fetched", "held", "exchange has none", "not listed yet", "missing"):
        table.add_column(name, justify="right")
    table.add_column("why")
    for track in progress.tracks:
        table.add_row(
            track.symbol,
            track.interval.value,
            f"{track.rows:,}",
            f"{track.held_rows:,}",
            f"{track.absent_rows - _unlisted(track):,}",
            f"{_unlisted(track):,}",
            f"[red]{track.missing_rows:,}[/]" if track.missing_rows else "0",
            "; ".join(dict.fromkeys(track.notes)),
        )
    return table


def _line(progress: Progress, now_s: float) -> str:
    elapsed_s = max(now_s - progress.started_s, 0.001)
    rows = sum(track.rows for track in progress.tracks)
    left = sum(t.wanted_rows - _done(t) for t in progress.tracks if not t.is_done)
    rate = rows / elapsed_s
    parts = [f"{rate:,.0f} rows/s"]
    if progress.rest is not None and progress.rest.budget.limit:
        parts.append(f"weight {progress.rest.budget.used:,} of {progress.rest.budget.limit:,}")
    if rate > 0:
        parts.append(f"about {time.strftime('%H:%M:%S', time.gmtime(left / rate))} left")
    return " · ".join([*parts, *([progress.says] if progress.says else [])])


def _done(track: SeriesProgress) -> int:
    absent = sum(hole.close_ms - hole.open_ms for hole in track.holes) // track.interval.ms
    return min(track.rows + absent, track.wanted_rows)


def _unlisted(track: SeriesProgress) -> int:
    first = track.held.held.runs[0][0] if track.held.held else track.end_ms
    runs = track.held.absent.within(track.start_ms, min(first, track.end_ms))
    return runs.total_ms // track.interval.ms
