"""How the studies show what they find: sentences, tables and figures of one style."""

from typing import Final

import pandas as pd
import plotly.graph_objects as go
from IPython.display import Markdown, display

INK: Final = "#1f2937"
GRID: Final = "#e5e7eb"
RISING: Final = [[0.0, "#f8fafc"], [0.35, "#fdba74"], [0.7, "#ea580c"], [1.0, "#7c2d12"]]


def say(text: str) -> None:
    """Show Markdown text that was computed from the data."""
    display(Markdown(text))


def percent(share: float, digits: int = 0, *, signed: bool = False) -> str:
    """Format a share, 0.123 as 12 %; a value that rounds to zero has no sign."""
    value = round(100 * share, digits) + 0.0
    return f"{value:{'+' if signed and value else ''}.{digits}f} %"


def table(frame: pd.DataFrame) -> None:
    """Show rows as a Markdown table."""
    rows = [frame.columns, ["---"] * frame.shape[1], *frame.astype(str).to_numpy()]
    say("\n".join(f"| {' | '.join(map(str, row))} |" for row in rows))


def show(figure: go.Figure, name: str, title: str, height: int = 480, *, right: int = 40) -> None:
    """Show a figure; the published page stores its picture under this name."""
    figure.update_layout(
        template="plotly_white",
        title={"text": title, "x": 0.01, "font": {"size": 19, "color": INK}},
        font={"family": "Inter, Helvetica, Arial, sans-serif", "size": 13, "color": INK},
        width=1080,
        height=height,
        margin={"l": 70, "r": right, "t": 80, "b": 60},
        meta=name,
    )
    display(figure)
