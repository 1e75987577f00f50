"""Drawing of Grafana's kinds of panels with Plotly, each into a rectangle of one figure."""

import numpy as np

from tools.grafana.canvas import (
    colour_of,
    faded,
    legend,
    nice,
    series_of,
)
from tools.grafana.tables import cells, table
from tools.grafana.values import (
    TEXT,
    look_of,
    threshold_colour,
    written,
)  # fmt: skip


def lines(canvas, panel, result, box):
    """Draw a timeseries or trend: lines, bars, points and bands."""
    left, top, right, bottom = box
    found = series_of(panel, result)
    unit = look_of(panel, "")["unit"]
    plot, scale = (left + 58, top, right - 8, bottom - 44), _value_axis(panel, found, unit)
    numbers = {"tickformat": "~g", "tickformatstops": []} if panel["type"] == "trend" else {}
    axes = canvas.axes(plot, x=numbers, y=scale)
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
    legend(canvas, shown, left, right, bottom)


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


def candles(canvas, panel, result, box):
    """Draw candles with volume; other columns of the query become lines and bands."""
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
        legend(canvas, [(name, colour), ("90 % interval", colour)], left, right, bottom)
    if has_volume:
        below = canvas.axes((left + 70, floor + 8, right - 10, bottom - 28), y={"nticks": 3})
        rose = [c >= o for o, c in zip(columns["open"], columns["close"], strict=True)]
        marker = {"color": [faded("#2f9e5b" if r else "#d64550", 0.6) for r in rose]}
        canvas.figure.add_bar(x=columns["time"], y=columns["volume"], marker=marker, **below)


def figures(canvas, panel, result, box):
    """Draw a stat: large numbers; a single one with a line behind it."""
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


def gauges(canvas, panel, result, box):
    """Draw a bar gauge: one bar for each row."""
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
    """Draw a bar chart: groups of bars by name."""
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
    legend(canvas, shown, left, right, bottom)


DRAW = {
    "timeseries": lines, "trend": lines, "candlestick": candles, "stat": figures, "table": table,
    "bargauge": gauges, "barchart": bars, "status-history": cells, "state-timeline": cells,
}  # fmt: skip
