"""Terminal view of a backfill: progress bars while it runs, a summary at its end."""

import logging
import time
from datetime import UTC, datetime

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from api.http.times import iso
from candlewick.terminal.numbers import marked
from producers.history.backfill import Progress
from producers.history.progress import SeriesProgress
from producers.history.time_ranges import Run
from schemas.history import HoleKind

_BAR = 30
_HOLES = {  # kinds of candles that the exchange does not have, as people call them
    HoleKind.OFFICIAL: "outage",
    HoleKind.IRREGULAR: "irregular",
    HoleKind.UNLISTED: "not listed yet",
    HoleKind.ENDED: "ended",
}
_MOST_HOLES = 40


def quiet_libraries() -> None:
    """Let only errors through, so that a running view stays whole."""
    logging.basicConfig(level=logging.ERROR)
    for noisy in ("httpx", "httpcore", "urllib3"):
        logging.getLogger(noisy).setLevel(logging.ERROR)


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
    for name in ("fetched", "held", *_HOLES.values(), "missing"):
        table.add_column(name, justify="right")
    table.add_column("why")
    for track in progress.tracks:
        table.add_row(
            track.symbol,
            track.interval.value,
            f"{track.rows:,}",
            f"{track.held_rows:,}",
            *(f"{track.absent_as(kind):,}" for kind in _HOLES),
            marked(track.missing_rows),
            "; ".join(dict.fromkeys(track.notes)),
        )
    return table


def track_row(track: SeriesProgress) -> dict[str, object]:
    """Return what was fetched of a symbol and interval, as a row of JSON with every hole."""
    absent = {name.replace(" ", "_"): track.absent_as(kind) for kind, name in _HOLES.items()}
    holes = [
        {
            "open_time": iso(start_ms),
            "close_time": iso(end_ms),
            "candles": (end_ms - start_ms) // track.interval.ms,
            "why": reason,
        }
        for (start_ms, end_ms), reason in _merged(track)
    ]
    return {
        "symbol": track.symbol,
        "interval": track.interval,
        "fetched": track.rows,
        "held": track.held_rows,
        **absent,
        "missing": track.missing_rows,
        "why": list(dict.fromkeys(track.notes)),
        "holes": holes,
    }


def holes_told(progress: Progress) -> list[str]:
    """Return a line for each hole of the wanted time, oldest first: from, to, candles and why."""
    lines = []
    for track in progress.tracks:
        for (start_ms, end_ms), reason in _merged(track):
            count = (end_ms - start_ms) // track.interval.ms
            span = f"{_minute(start_ms)} to {_minute(end_ms)}"
            lines.append(f"{track.symbol} {track.interval.value} {span}: {count:,}, {reason}")
    if len(lines) > _MOST_HOLES:
        more = f"… and {len(lines) - _MOST_HOLES:,} more holes: the table `holes` has them all"
        return [*lines[:_MOST_HOLES], more]
    return lines


def checks_told(progress: Progress) -> list[str]:
    """Return lines on what came of comparing 15m candles with 1m candles."""
    days = {(check.symbol, check.open_ms): check for check in progress.checks}
    lines = []
    for (symbol, open_ms), check in sorted(days.items()):
        if check.reason:
            lines.append(f"{symbol} {_minute(open_ms)[:10]} {check.state}: {check.reason}")
    compared = sum(check.compared for check in days.values())
    differing = sum(check.differing for check in days.values())
    if days:
        verdict = f"{differing:,} are not" if differing else "all are"
        many = f"{compared:,} candles of 15m in {len(days):,} days"
        lines.append(f"{many} compared with their 1m candles: {verdict} what those make")
    if progress.unchecked:
        lines.append(f"15m candles were not compared with 1m candles: {progress.unchecked}")
    return lines


def _merged(track: SeriesProgress) -> list[tuple[Run, str]]:
    """Join holes of one kind that follow each other; each is told once."""
    found: list[tuple[Run, str, str]] = []
    for run, hole in sorted(track.known_holes.items()):
        start_ms, end_ms = max(run[0], track.start_ms), min(run[1], track.end_ms)
        if start_ms >= end_ms or hole.kind not in _HOLES or track.held.held.holds(start_ms):
            continue
        if found and found[-1][0][1] >= start_ms and found[-1][2] == hole.kind:
            (first_ms, last_ms), reason, kind = found[-1]
            found[-1] = ((first_ms, max(last_ms, end_ms)), reason, kind)
        else:
            found.append(((start_ms, end_ms), hole.reason, hole.kind))
    return [(run, reason) for run, reason, _ in found]


def _minute(time_ms: int) -> str:
    return f"{datetime.fromtimestamp(time_ms // 1000, UTC):%Y-%m-%d %H:%M}"


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
