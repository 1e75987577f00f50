"""A picture of each slope: what it takes of processors and memory, and how long things take."""

from collections.abc import Callable, Sequence
from pathlib import Path

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from bench.scaling.results import Point, Run, sum_of
from bench.scaling.tables import ACROSS

WIDTH, HEIGHT = 1000, 480
TITLES = {
    "symbols": "More symbols, at 2,000 trades/s of all together",
    "rate": "More trades a second, of 1,500 symbols",
    "history": "More days of history, of 11 symbols",
    "stream": "More clients of the live stream, 22 events a second to each",
    "predict": "More requests a second: the prediction of a symbol",
    "candles": "More requests a second: 30 days of 15m candles",
}
COLOURS = {
    "producer": "#1f77b4",
    "worker": "#ff7f0e",
    "sinks": "#2ca02c",
    "API": "#d62728",
    "broker": "#9467bd",
    "ClickHouse": "#8c564b",
    "all": "#222222",
}
OTHERS = ("#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b", "#17becf")
FAR_APART = {"symbols", "rate", "history"}  # whose delays need a logarithmic axis
APART = {"exchange", "clients"}
Line = tuple[str, list[float], str]


def picture(run: Run) -> go.Figure:
    processors = _by_process(run, lambda point: point.cores)
    panels = [
        ("processors in use", [*processors, _total(run)]),
        ("memory, MB", _by_process(run, lambda point: point.memory_mb)),
        ("ms, logarithmic" if run.slope in FAR_APART else "ms", _delays(run)),
    ]
    if run.slope == "history":
        panels[0] = ("on disk, MB", _on_disk(run))
    figure = make_subplots(1, 3, horizontal_spacing=0.1)
    signs = ["circle" if point.is_held else "x" for point in run.points]
    for column, (title, lines) in enumerate(panels, 1):
        for name, values, colour in lines:
            figure.add_scatter(
                x=[point.at for point in run.points],
                y=values,
                name=name,
                mode="lines+markers",
                line={"color": colour, "dash": "dot" if name.endswith("99 %") else "solid"},
                marker={"symbol": signs, "size": 7},
                legend=f"legend{column}" if column > 1 else "legend",
                row=1,
                col=column,
            )
        figure.update_yaxes(title_text=title, title_standoff=8, row=1, col=column)
    if run.slope != "history":
        _draw_line(figure, run)
    figure.update_yaxes(rangemode="tozero", tickformat=",~f")
    if run.slope in FAR_APART:
        figure.update_yaxes(type="log", dtick=1, row=1, col=3)
    figure.update_xaxes(
        title_text=ACROSS[run.slope], rangemode="tozero", nticks=5, tickformat=",~f"
    )
    _lay_out(figure, TITLES[run.slope])
    return figure


def _draw_line(figure: go.Figure, run: Run) -> None:
    """Draw the line through the sums of what kept up."""
    intercept, slope = run.line(sum_of)
    ends = [0.0, run.held[-1].at]
    figure.add_scatter(
        x=ends,
        y=[intercept + slope * at for at in ends],
        name="line through all",
        mode="lines",
        line={"color": COLOURS["all"], "dash": "dash", "width": 1},
        legend="legend",
        row=1,
        col=1,
    )


def write(run: Run, folder: Path) -> Path:
    target = folder / f"scaling-{run.slope}.svg"
    picture(run).write_image(target)
    return target


def _lay_out(figure: go.Figure, title: str) -> None:
    figure.update_layout(
        title={"text": title, "x": 0.02, "y": 0.96},
        width=WIDTH,
        height=HEIGHT,
        template="plotly_white",
        font={"family": "Inter, DejaVu Sans, Arial, sans-serif", "size": 14},
        margin={"l": 60, "r": 15, "t": 55, "b": 195},
    )
    for column, start in enumerate((0.0, 0.36, 0.72), 1):
        name = f"legend{column}" if column > 1 else "legend"
        place = {"x": start, "y": -0.24, "xanchor": "left", "yanchor": "top"}
        figure.update_layout({name: {**place, "font": {"size": 12}, "tracegroupgap": 0}})


def _by_process(run: Run, of: Callable[[Point], dict[str, float]]) -> Sequence[Line]:
    names = [name for name in of(run.points[0]) if name not in APART]
    return [(name, [of(point)[name] for point in run.points], COLOURS[name]) for name in names]


def _total(run: Run) -> Line:
    return ("all", [point.sum for point in run.points], COLOURS["all"])


def _delays(run: Run) -> Sequence[Line]:
    names = list(dict.fromkeys(name for point in run.points for name in point.delays_ms))
    lines = []
    for name, colour in zip(names, OTHERS, strict=False):
        for at, share in ((0, "50 %"), (2, "99 %")):
            if share == "99 %" and run.slope == "history":
                continue
            values = [point.delays_ms.get(name, [float("nan")] * 3)[at] for point in run.points]
            lines.append((f"{name}, {share}", values, colour))
    return lines


def _on_disk(run: Run) -> Sequence[Line]:
    names = [name for name in run.points[0].figures if name.startswith("MB of ")]
    return [
        (name.removeprefix("MB of "), [point.figures[name] for point in run.points], colour)
        for name, colour in zip(names, OTHERS, strict=False)
    ]
