"""Drawing of panels made of cells: tables, status histories and state timelines."""

import numpy as np

from tools.grafana.canvas import (
    GRID,
    PANEL,
    legend,
    series_of,
)
from tools.grafana.values import cell_colour, look_of, threshold_colour, written


def table(canvas, panel, result, box):
    """Draw a table with as many rows as fit."""
    left, top, right, bottom = box
    rows = result.result_rows[: max(1, int((bottom - top - 30) // 25))]
    names = result.column_names
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(names)
    looks = [look_of(panel, name) for name in names]
    texts = [
        [written(v, look["unit"], look["decimals"]) for v in column]
        for column, look in zip(columns, looks, strict=True)
    ]
    colours = [[cell_colour(v, look) for v in c] for c, look in zip(columns, looks, strict=True)]
    aligned = ["left" if not c or isinstance(c[0], str) else "right" for c in columns]
    longest = [max([len(n), *map(len, t)]) for n, t in zip(names, texts, strict=True)]
    x, y = canvas.domain((left + 8, top, right - 8, bottom - 4))
    canvas.figure.add_table(
        domain={"x": x, "y": y},
        columnwidth=[min(30, max(6, n)) for n in longest],
        header={"values": list(names), "align": aligned, "fill_color": "#22252b",
                "line_color": GRID, "font": {"color": "#6e9fff", "size": 12}, "height": 26},
        cells={"values": texts, "align": aligned, "fill_color": PANEL, "line_color": GRID,
               "font": {"color": colours, "size": 12}, "height": 25},
    )  # fmt: skip


def cells(canvas, panel, result, box):
    """Draw a status history or state timeline: a row for each series, a colour for each value."""
    left, top, right, bottom = box
    found = series_of(panel, result)
    look = look_of(panel, "")
    times = sorted({t for _, x, _ in found for t in x})
    mapped = {}
    for mapping in look["mappings"]:
        mapped |= {float(k): (v["text"], v["color"]) for k, v in mapping["options"].items()}
    colours = sorted(
        {c for _, c in mapped.values()} | {s["color"] for s in look["thresholds"] or []}
    )
    grid = np.full((len(found), len(times)), np.nan)
    for row, (_, x, values) in enumerate(found):
        for t, value in zip(x, values, strict=True):
            colour = (
                mapped[value][1] if value in mapped else threshold_colour(value, look["thresholds"])
            )
            if colour in colours:
                grid[row, times.index(t)] = colours.index(colour)
    scale = [(round((i + e) / len(colours), 6), c) for i, c in enumerate(colours) for e in (0, 1)]
    names = [name for name, _, _ in found]
    width = 12 + 7 * max(map(len, names))
    axes = canvas.axes(
        (left + width, top, right - 8, bottom - 46),
        x={"showgrid": False}, y={"showgrid": False, "type": "category"},
    )  # fmt: skip
    canvas.figure.add_heatmap(
        x=times, y=names, z=grid, colorscale=scale, zmin=-0.5, zmax=len(colours) - 0.5,
        showscale=False, xgap=0 if mapped else 2, ygap=3, **axes,
    )  # fmt: skip
    shown = list(mapped.values()) or _steps(look)
    legend(canvas, shown, left, right, bottom)


def _steps(look):
    steps = look["thresholds"]
    lowest = written(steps[1]["value"], look["unit"], look["decimals"])
    first = (f"under {lowest}", steps[0]["color"])
    return [
        first,
        *(
            (f"from {written(s['value'], look['unit'], look['decimals'])}", s["color"])
            for s in steps[1:]
        ),
    ]
