"""Grafana's kinds of panels, drawn with Plotly into a rectangle of one figure."""

from itertools import count

import numpy as np
import plotly.graph_objects as go

from tools.grafana.values import (
    PALETTE,
    TEXT,
    cell_colour,
    look_of,
    threshold_colour,
    written,
)  # fmt: skip

TIMES = [
    {"dtickrange": [None, 60_000], "value": "%H:%M:%S"},
    {"dtickrange": [60_000, 86_399_999], "value": "%H:%M"},
    {"dtickrange": [86_400_000, None], "value": "%d %b"},
]
PANEL, GRID, FAINT = "#181b1f", "#2c3235", "#9fa3a9"


class Canvas:
    """A figure and its size in pixels; rectangles are left, top, right, bottom from the top."""

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
    """Return (name, times, values) of each series, as Grafana splits long rows by their labels."""
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


def lines(canvas, panel, result, box):
    """Timeseries and trend: lines, bars, points, bands."""
    left, top, right, bottom = box
    found = series_of(panel, result)
    unit = look_of(panel, "")["unit"]
    axes = canvas.axes((left + 58, top, right - 8, bottom - 44), y=_value_axis(panel, found, unit))
    drawn = {name: number for number, (name, _, _) in enumerate(found)}
    by_name = {name: (x, values) for name, x, values in found}
    for name, number in drawn.items():
        look, (x, values) = look_of(panel, name), by_name[name]
        colour, custom = colour_of(look, number), look["custom"]
        if custom.get("drawStyle") == "bars":
            canvas.figure.add_bar(x=x, y=values, marker={"color": colour, "line_width": 0}, **axes)
            continue
        if below := custom.get("fillBelowTo"):
            _band(canvas, axes, x, values, by_name[below][1], faded(colour, 0.18))
            continue
        points = custom.get("drawStyle") == "points"
        mode = "markers" if points else "lines+markers" if panel["type"] == "trend" else "lines"
        canvas.figure.add_scatter(
            x=x, y=values, mode=mode, connectgaps=True,
            line={"color": colour, "width": custom.get("lineWidth", 1.5)},
            marker={"color": colour, "size": 5}, **axes,
        )  # fmt: skip
    _dashes(canvas, panel, axes)
    shown = [(n, colour_of(look_of(panel, n), i)) for n, i in drawn.items() if not _edge(panel, n)]
    _legend(canvas, shown, left, right, bottom)


def _edge(panel, name):
    return look_of(panel, name)["custom"].get("lineWidth") == 0 and (
        look_of(panel, name)["custom"].get("drawStyle") != "bars"
    )


def _value_axis(panel, found, unit):
    values = [v for _, _, vs in found for v in vs if v is not None]
    low, high = (min(values), max(values)) if values else (0, 1)
    custom = panel["fieldConfig"]["defaults"].get("custom", {})
    if (custom.get("stacking") or {}).get("mode") == "normal":
        return {"tickformat": "~s", "nticks": 6}
    if (custom.get("scaleDistribution") or {}).get("type") == "log":
        powers = [10.0**n for n in range(8)]
        texts = [written(v, unit, 0) for v in powers]
        return {"type": "log", "tickvals": powers, "ticktext": texts}
    low = min(low, custom.get("axisSoftMin", low), panel["fieldConfig"]["defaults"].get("min", low))
    high = max(high, custom.get("axisSoftMax", high))
    if low == high:
        low, high = low - abs(low) * 0.1 - 0.01, high + abs(high) * 0.1 + 0.01
    ticks = nice(low, high)
    pad = (high - low) * 0.04
    digits = max(
        0, -int(np.floor(np.log10(ticks[1] - ticks[0]))) - (2 if unit == "percentunit" else 0)
    )
    texts = [written(float(t), unit, _tick_digits(unit, digits, ticks)) for t in ticks]
    return {"range": [low - pad, high + pad], "tickvals": ticks, "ticktext": texts}


def _tick_digits(unit, digits, ticks):
    if unit in {"s", "ms"}:
        return None
    large = unit in {"short", "rps", "bytes", "currencyUSD"} and max(ticks) >= 1000
    return 1 if large else min(digits, 6)


def nice(low, high):
    """Return four to six round numbers between two."""
    step = 10 ** np.floor(np.log10((high - low) / 4))
    step *= next(f for f in (1, 2, 5, 10) if (high - low) / (step * f) <= 6)
    return np.arange(np.ceil(low / step), np.floor(high / step) + 1) * step


def _band(canvas, axes, x, highs, lows, colour):
    kept = [(t, h, low) for t, h, low in zip(x, highs, lows, strict=True) if h is not None]
    if kept:
        t, h, low = zip(*kept, strict=True)
        canvas.figure.add_scatter(
            x=[*t, *reversed(t)], y=[*h, *reversed(low)], fill="toself", fillcolor=colour,
            line={"width": 0}, mode="lines", **axes,
        )  # fmt: skip


def _dashes(canvas, panel, axes):
    defaults = panel["fieldConfig"]["defaults"]
    if "thresholdsStyle" not in defaults.get("custom", {}):
        return
    for step in defaults["thresholds"]["steps"]:
        if step.get("value") is not None:
            canvas.figure.add_shape(
                type="line", xref=f"{axes['xaxis']} domain", yref=axes["yaxis"], x0=0, x1=1,
                y0=step["value"], y1=step["value"],
                line={"color": "#d64550", "width": 1, "dash": "dash"},
            )  # fmt: skip


def _legend(canvas, shown, left, right, bottom):
    room, most = (right - left) / 7 - 8, 0
    while most < len(shown) and room > 0:
        room, most = room - len(shown[most][0]) - 5, most + 1
    texts = [f"<span style='color:{c}'>■</span> {n}" for n, c in shown[:most]]
    more = f"   +{len(shown) - most}" if len(shown) > most else ""
    canvas.text(
        left + 12, bottom - 8, "   ".join(texts) + more, size=11, colour=FAINT, middle="bottom"
    )


def candles(canvas, panel, result, box):
    """Candles with volume, and what else the query has as lines and bands over them."""
    left, top, right, bottom = box
    columns = dict(zip(result.column_names, zip(*result.result_rows, strict=True), strict=True))
    has_volume = "volume" in columns
    low, high = min(columns["low"]), max(columns["high"])
    extra = [n for n in columns if n not in {"time", "open", "high", "low", "close", "volume"}]
    for name in extra:
        values = [v for v in columns[name] if v is not None]
        low, high = min([low, *values]), max([high, *values])
    ticks = nice(low, high)
    axis = {"tickvals": ticks, "ticktext": [written(float(t)) for t in ticks]}
    floor = bottom - (110 if has_volume else 44)
    pad = (high - low) * 0.04
    axes = canvas.axes(
        (left + 70, top, right - 10, floor),
        x={"rangeslider": {"visible": False}, "showticklabels": not has_volume},
        y=axis | {"range": [low - pad, high + pad]},
    )
    looks = {name: look_of(panel, name) for name in extra}
    for name, look in looks.items():
        if below := look["custom"].get("fillBelowTo"):
            colour = faded(look["color"]["fixedColor"], 0.22)
            _band(canvas, axes, columns["time"], columns[name], columns[below], colour)
    canvas.figure.add_candlestick(
        x=columns["time"], open=columns["open"], high=columns["high"], low=columns["low"],
        close=columns["close"], increasing={"line": {"color": "#2f9e5b", "width": 1}},
        decreasing={"line": {"color": "#d64550", "width": 1}}, **axes,
    )  # fmt: skip
    for name in (n for n in extra if looks[n]["custom"].get("lineWidth") != 0):
        colour = looks[name]["color"]["fixedColor"]
        line = {"color": colour, "width": 1.5}
        canvas.figure.add_scatter(x=columns["time"], y=columns[name], line=line, **axes)
        _legend(canvas, [(name, colour), ("90 % interval", colour)], left, right, bottom)
    if has_volume:
        below = canvas.axes((left + 70, floor + 8, right - 10, bottom - 28), y={"nticks": 3})
        rose = [c >= o for o, c in zip(columns["open"], columns["close"], strict=True)]
        marker = {"color": [faded("#2f9e5b" if r else "#d64550", 0.6) for r in rose]}
        canvas.figure.add_bar(x=columns["time"], y=columns["volume"], marker=marker, **below)


def figures(canvas, panel, result, box):
    """Stat: large numbers, with the line behind the only one."""
    left, top, right, bottom = box
    names = [n for n in result.column_names if n != "time"]
    last = result.result_rows[-1]
    values = [last[result.column_names.index(n)] for n in names]
    width = (right - left) / len(names)
    if len(names) == 1 and len(result.result_rows) > 2:
        x, y = zip(*result.result_rows, strict=True)
        bare = {"visible": False}
        low, high = min(y), max(y)
        span = {"range": [low - (high - low) * 0.1 - 1e-9, high + 1e-9]}
        axes = canvas.axes((left + 1, bottom - 34, right - 1, bottom - 1), x=bare, y=bare | span)
        colour = _figure_colour(panel, names[0], values[0])
        canvas.figure.add_scatter(
            x=x, y=y, mode="lines", fill="tozeroy", fillcolor=faded(colour, 0.2),
            line={"color": colour, "width": 1}, **axes,
        )  # fmt: skip
    for number, (name, value) in enumerate(zip(names, values, strict=True)):
        look = look_of(panel, name)
        colour = _figure_colour(panel, name, value)
        middle = left + width * (number + 0.5)
        text = written(value, look["unit"], look["decimals"])
        several = len(names) > 1
        if several:
            canvas.text(middle, top + 4, name, size=13, anchor="center")
        height = top + (bottom - top) * (0.62 if several else 0.36)
        canvas.text(
            middle, height, f"<b>{text}</b>", size=28, colour=colour, anchor="center",
            middle="middle",
        )  # fmt: skip


def _figure_colour(panel, name, value):
    look = look_of(panel, name)
    if look["color"].get("mode") == "thresholds":
        return threshold_colour(value, look["thresholds"])
    return colour_of(look, 0)


def table(canvas, panel, result, box):
    """A table, as many rows as fit."""
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


def gauges(canvas, panel, result, box):
    """Bar gauge: a bar a row."""
    left, top, right, bottom = box
    look = look_of(panel, "")
    names = [str(row[0]) for row in result.result_rows]
    values = [float(row[1]) for row in result.result_rows]
    most = panel["fieldConfig"]["defaults"].get("max") or max(values)
    height = (bottom - top - 8) / len(names)
    for number, (name, value) in enumerate(zip(names, values, strict=True)):
        colour = look["color"].get("fixedColor") or threshold_colour(value, look["thresholds"])
        y = top + height * number
        full = right - 90 - (left + 100)
        for length, shade in ((full, "#22252b"), (full * min(1, value / most), colour)):
            canvas.figure.add_shape(
                type="rect", xref="paper", yref="paper", line_width=0, fillcolor=shade,
                x0=(left + 100) / canvas.width, x1=(left + 100 + max(2, length)) / canvas.width,
                y0=1 - (y + height * 0.85) / canvas.height, y1=1 - (y + height * 0.15) / canvas.height,
            )  # fmt: skip
        canvas.text(left + 92, y + height / 2, name, size=12, anchor="right", middle="middle")
        text = written(value, look["unit"], look["decimals"])
        canvas.text(
            right - 12, y + height / 2, text, colour=colour, anchor="right", middle="middle"
        )


def bars(canvas, panel, result, box):
    """Bar chart: groups of bars by name."""
    left, top, right, bottom = box
    names = result.column_names
    columns = dict(zip(names, zip(*result.result_rows, strict=True), strict=True))
    unit = look_of(panel, "")["unit"]
    found = [(n, columns[names[0]], columns[n]) for n in names[1:]]
    top_value = max(v for _, _, vs in found for v in vs if v is not None) * 1.08
    ticks = nice(0, top_value)
    axis = {"range": [0, top_value], "tickvals": ticks,
            "ticktext": [written(float(t), unit, 0 if unit == "percentunit" else 1) for t in ticks]}  # fmt: skip
    axes = canvas.axes((left + 58, top, right - 8, bottom - 46), x={"type": "category"}, y=axis)
    for number, (name, x, values) in enumerate(found):
        look = look_of(panel, name)
        shown = panel["options"].get("showValue") == "always"
        canvas.figure.add_bar(
            x=x, y=values, marker={"color": colour_of(look, number), "line_width": 0},
            offsetgroup=f"{name}{number}", textposition="outside", textfont={"color": TEXT},
            text=[written(v, unit, 1) for v in values] if shown else None, **axes,
        )  # fmt: skip
    shown = [(n, colour_of(look_of(panel, n), i)) for i, (n, _, _) in enumerate(found)]
    _legend(canvas, shown, left, right, bottom)


def cells(canvas, panel, result, box):
    """Status history and state timeline: a row a series, a colour a value."""
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
    _legend(canvas, shown, left, right, bottom)


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


DRAW = {
    "timeseries": lines, "trend": lines, "candlestick": candles, "stat": figures, "table": table,
    "bargauge": gauges, "barchart": bars, "status-history": cells, "state-timeline": cells,
}  # fmt: skip
