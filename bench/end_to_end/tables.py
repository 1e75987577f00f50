"""The runs as tables in Markdown: medians over the rounds, with ranges."""

import statistics
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from bench.end_to_end.runs import PARTS, Row

Rows = Sequence[Row]


def summary(row: Row) -> str:
    """A run in one line."""
    parts = ", ".join(f"{part} {used:.1f}" for part, used in row.cpu.items())
    latency = f"; p50, p95, p99 {', '.join(_latency([row]))}" if row.latency_ms else ""
    equal = f"{row.right} of {row.wanted} candles equal"
    return f"{row.name}: {row.rate:,.0f} trades/s, s a million: {parts}; {equal}{latency}"


def flood_table(rows: Iterable[Row], yardstick: str) -> str:
    """CPU seconds a million trades by process, their sum, and beside the yardstick."""
    return _table(
        [
            "design",
            "trades/s",
            *PARTS,
            "sum",
            f"÷ {yardstick.rsplit(maxsplit=1)[-1]}",
            "candles equal",
            "peak MB",
        ],
        rows,
        yardstick,
        lambda runs: [f"{_median(run.rate for run in runs):,.0f}"],
        lambda _: [],
    )


def live_table(rows: Iterable[Row], yardstick: str) -> str:
    """The same at a steady rate, with the time from the closing frame to the candle."""
    return _table(
        [
            "design",
            *PARTS,
            "sum",
            f"÷ {yardstick.rsplit(maxsplit=1)[-1]}",
            "p50",
            "p95",
            "p99",
            "candles equal",
            "peak MB",
        ],
        rows,
        yardstick,
        lambda _: [],
        _latency,
    )


def _table(
    heads: list[str],
    rows: Iterable[Row],
    yardstick: str,
    before: Callable[[Rows], list[str]],
    after: Callable[[Rows], list[str]],
) -> str:
    by_name: dict[str, list[Row]] = {}
    for row in rows:
        by_name.setdefault(row.name, []).append(row)
    lines = [_line(heads), "|---" * len(heads) + "|"]
    for name, runs in by_name.items():
        beside = [
            run.sum / one.sum for run, one in zip(runs, by_name.get(yardstick, []), strict=False)
        ]
        right, wanted = (sum(getattr(run, of) for run in runs) for of in ("right", "wanted"))
        lines.append(
            _line(
                [
                    name,
                    *before(runs),
                    *(f"{_median(run.cpu[part] for run in runs):.1f}" for part in PARTS),
                    _spread([run.sum for run in runs], 1),
                    _spread(beside, 2),
                    *after(runs),
                    f"{right:,} of {wanted:,}",
                    " / ".join(f"{max(run.peak[part] for run in runs):.0f}" for part in PARTS),
                ]
            )
        )
    return "\n".join(lines)


def _latency(runs: Rows) -> list[str]:
    found = [ms for run in runs for ms in run.latency_ms]
    return [f"{value:.0f} ms" for value in np.percentile(found or [np.nan], [50, 95, 99])]


def _median(values: Iterable[float]) -> float:
    return statistics.median(values)


def _spread(values: Sequence[float], digits: int) -> str:
    if not values:
        return ""
    middle, least, most = (f"{f(values):.{digits}f}" for f in (_median, min, max))
    return middle if least == most else f"{middle} ({least} to {most})"


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
