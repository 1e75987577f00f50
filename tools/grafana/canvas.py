"""The Plotly figure that panels are drawn into, and the functions that all panels share."""

from itertools import count

import numpy as np
import plotly.graph_objects as go

from tools.grafana.values import (
    PALETTE,
    TEXT,
)  # fmt: skip

TIMES = [
    {"dtickrange": [None, 60_000], "value": "%H:%M:%S"},
    {"dtickrange": [60_000, 86_399_999], "value": "%H:%M"},
    {"dtickrange": [86_400_000, None], "value": "%d %b"},
]
PANEL, GRID, FAINT = "#181b1f", "#2c3235", "#9fa3a9"


class Canvas:
    """A figure and its size in pixels; a rectangle is left, top, right, bottom from the top."""

    def __init__(self, width, height):
        self.figure, self.width, self.height, self._axes = go.Figure(), width, height, count(1)

    def domain(self, box):
        left, top, right, bottom = box
        x = [left / self.width, right / self.width]
        return x, [1 - bottom / self.height, 1 - top / self.height]

    def text(self, x, y, text, *, size=13, colour=TEXT, anchor="left", middle="top"):
        self.figure.add_annotation(
            x=x / self.width, y=1 - y / self.height, xref="paper", yref="paper", text=text,
            showarrow=False, xanchor=anchor, yanchor=middle, align="left",
            font={"size": size, "color": colour},
        )  # fmt: skip

    def axes(self, box, *, x=None, y=None):
        """Make a pair of axes and return their names for traces."""
        n = next(self._axes)
        tail = "" if n == 1 else str(n)
        dx, dy = self.domain(box)
        quiet = {"gridcolor": GRID, "zeroline": False, "tickfont": {"size": 11, "color": FAINT}}
        self.figure.update_layout(
            {
                f"xaxis{tail}": {
                    **quiet,
                    "tickformatstops": TIMES,
                    "domain": dx,
                    "anchor": f"y{tail}",
                    **(x or {}),
                },
                f"yaxis{tail}": {**quiet, "domain": dy, "anchor": f"x{tail}", **(y or {})},
            }
        )
        return {"xaxis": f"x{tail}", "yaxis": f"y{tail}"}


def series_of(panel, result):
    """Split long rows into series by their labels, as Grafana does: (name, times, values)."""
    names = result.column_names
    columns = dict(zip(names, zip(*result.result_rows, strict=True), strict=True))
    x = columns[names[0]]
    labels = [n for n in names[1:] if isinstance(columns[n][0], str)]
    if panel["targets"][0]["format"] == 1 or not labels:
        return [(n, x, columns[n]) for n in names[1:] if n not in labels]
    label, value = labels[0], next(n for n in names[1:] if n not in labels)
    keys = sorted(set(columns[label]))
    rows = list(zip(columns[label], x, columns[value], strict=True))
    return [(k, [t for n, t, _ in rows if n == k], [v for n, _, v in rows if n == k]) for k in keys]


def colour_of(look, number):
    fixed = look["color"].get("fixedColor")
    return (
        fixed if fixed and look["color"].get("mode") == "fixed" else PALETTE[number % len(PALETTE)]
    )


def faded(colour, share):
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{share})"


def nice(low, high):
    """Return the round numbers in ``[low, high]``, at most six steps."""
    step = 10 ** np.floor(np.log10((high - low) / 4))
    step *= next(f for f in (1, 2, 5, 10) if (high - low) / (step * f) <= 6)
    return np.arange(np.ceil(low / step), np.floor(high / step) + 1) * step


def legend(canvas, shown, left, right, bottom):
    room, most = (right - left) / 7 - 8, 0
    while most < len(shown) and room > 0:
        room, most = room - len(shown[most][0]) - 5, most + 1
    texts = [f"<span style='color:{c}'>■</span> {n}" for n, c in shown[:most]]
    more = f"   +{len(shown) - most}" if len(shown) > most else ""
    canvas.text(
        left + 12, bottom - 8, "   ".join(texts) + more, size=11, colour=FAINT, middle="bottom"
    )
