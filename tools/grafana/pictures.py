"""Pictures of the dashboards from their panels' own queries, drawn with Plotly on Grafana's grid.

    python -m tools.grafana.pictures --out docs/pictures

The data is the current content of the store at CANDLEWICK_CLICKHOUSE__URL, or of the local stack.
Kaleido needs Chrome or Chromium. The pictures are similar to Grafana's, not equal.
"""

import argparse
import json
import re
import time
from pathlib import Path

from candlewick.stack.local_settings import reader_settings
from clients.clickhouse import connect_reader
from grafana.generate import FOLDER
from grafana.variables import ALL
from tools.grafana.canvas import FAINT, PANEL, Canvas
from tools.grafana.macros import Asked, expand
from tools.grafana.panels import DRAW
from tools.grafana.values import TEXT

WIDTH, ROW, GAP, HEAD = 1680, 36, 8, 64
LENGTHS = {"m": 60_000, "h": 3_600_000, "d": 86_400_000}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("docs/pictures"))
    parser.add_argument("--symbol", default="BTCUSDT")
    parser.add_argument("--since", default="", help="another time range than the dashboard's: 3h")
    parser.add_argument("boards", nargs="*")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    with connect_reader(reader_settings().clickhouse) as client:
        for path in sorted((FOLDER / "dashboards").glob("*.json")):
            board = json.loads(path.read_text(encoding="utf-8"))
            sources = {p["datasource"]["type"] for p in board["panels"] if "datasource" in p}
            if "prometheus" in sources:
                continue  # its figures are not in the store
            if not given.boards or path.stem in given.boards:
                canvas = draw(client, board, given.symbol, given.since)
                target = given.out / f"grafana-{path.stem}.png"
                canvas.figure.write_image(target, width=WIDTH, height=canvas.height, scale=1)
                print(target)


def draw(client, board, symbol, since):
    """Draw a dashboard on a new canvas."""
    rows = max(p["gridPos"]["y"] + p["gridPos"]["h"] for p in board["panels"])
    canvas = Canvas(WIDTH, HEAD + rows * ROW + GAP)
    canvas.figure.update_layout(
        paper_bgcolor="#111217", plot_bgcolor=PANEL, showlegend=False, barmode="relative",
        margin={"l": 0, "r": 0, "t": 0, "b": 0}, font={"family": "Inter, DejaVu Sans, sans-serif"},
    )  # fmt: skip
    canvas.text(16, 18, f"<b>{board['title']}</b>", size=20)
    canvas.text(WIDTH - 16, 22, chosen(board, symbol, since), colour=FAINT, anchor="right")
    for panel in board["panels"]:
        place(client, canvas, board, panel, symbol, since)
    return canvas


def chosen(board, symbol, since):
    """Return the text for the row of variables and the time range."""
    parts = []
    for variable in board["templating"].get("list", []):
        value = symbol if variable["name"] == "symbol" and not variable["multi"] else None
        text = value or variable["current"]["text"]
        parts.append(f"{variable['label']}: <b>{text if isinstance(text, str) else text[0]}</b>")
    parts.append(f"last {since or board['time']['from'].removeprefix('now-')}, UTC")
    return "     ".join(parts)


def place(client, canvas, board, panel, symbol, since):
    """Query one panel and draw it at its place on the grid."""
    grid = panel["gridPos"]
    unit = WIDTH / 24
    left, right = grid["x"] * unit + GAP / 2, (grid["x"] + grid["w"]) * unit - GAP / 2
    top, bottom = HEAD + grid["y"] * ROW, HEAD + (grid["y"] + grid["h"]) * ROW - GAP
    if panel["type"] == "row":
        canvas.text(left + 6, top + 8, f"⌄  <b>{panel['title']}</b>", size=14)
        return
    x, y = canvas.domain((left, top, right, bottom))
    canvas.figure.add_shape(
        type="rect", xref="paper", yref="paper", x0=x[0], x1=x[1], y0=y[0], y1=y[1],
        fillcolor=PANEL, line={"color": "#25282d", "width": 1}, layer="below",
    )  # fmt: skip
    canvas.text(left + 12, top + 9, panel["title"], size=14, colour=TEXT)
    found = client.query(expand(panel["targets"][0]["rawSql"], asked(board, panel, symbol, since)))
    if found.result_rows:
        DRAW[panel["type"]](canvas, panel, found, (left, top + 34, right, bottom))
    else:
        middle = ((left + right) / 2, (top + bottom) / 2)
        canvas.text(
            *middle,
            panel["fieldConfig"]["defaults"].get("noValue", "No data"),
            size=16,
            colour=FAINT,
            anchor="center",
            middle="middle",
        )


def asked(board, panel, symbol, since):
    """Return the time range, interval and variables that Grafana would send."""
    now_ms = time.time_ns() // 1_000_000
    span = panel.get("timeFrom") or since or board["time"]["from"].removeprefix("now-")
    number, unit = re.fullmatch(r"(\d+)([mhd])", span).groups()
    length_ms = int(number) * LENGTHS[unit]
    least = re.fullmatch(r"(\d+)([smh])", panel.get("interval") or "1s")
    least_ms = int(least[1]) * {"s": 1000, "m": 60_000, "h": 3_600_000}[least[2]]
    points = max(200, panel["gridPos"]["w"] * 60)
    variables = {}
    for variable in board["templating"].get("list", []):
        value = variable["current"].get("value") if variable.get("current") else None
        variables[variable["name"]] = ALL if variable["multi"] else value or symbol
    return Asked(
        from_ms=now_ms - length_ms,
        to_ms=now_ms,
        interval_ms=max(least_ms, rounded(length_ms // points)),
        variables=variables,
        options=dict.fromkeys(variables, ()),
    )


def rounded(ms):
    """Round an interval up to the next common one, roughly as Grafana does."""
    handy = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600)
    return next((s * 1000 for s in handy if s * 1000 >= ms), 86_400_000)


if __name__ == "__main__":
    main()
