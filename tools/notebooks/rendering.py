"""Conversion of an executed notebook to a page of Markdown and its figures. Pure."""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import plotly.io
from plotly.graph_objects import Figure

if TYPE_CHECKING:
    from nbformat import NotebookNode

FIGURE = "application/vnd.plotly.v1+json"


@dataclass(frozen=True, slots=True)
class Page:
    """The text of a page, and its figures by file name."""

    text: str
    figures: dict[str, Figure]


def joined(first: Page, second: Page) -> Page:
    """Return one page of two, the second below the first."""
    return Page(f"{first.text}\n{second.text}", first.figures | second.figures)


def rendered(notebook: "NotebookNode", head: str = "") -> Page:
    """Convert a notebook to a page: its text cells and the outputs of its code."""
    parts, figures = [head] if head else [], {}
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            parts.append(cell.source)
        for output in cell.get("outputs", []):
            data: dict[str, Any] = output.get("data", {})
            if FIGURE in data:
                figure = plotly.io.from_json(json.dumps(data[FIGURE]), skip_invalid=True)
                name = f"study-{figure.layout.meta}.png"
                figures[name] = figure
                parts.append(f"![{figure.layout.title.text}](pictures/{name})")
            elif "text/markdown" in data:
                parts.append(data["text/markdown"])
            elif "text/html" in data:
                parts.append(_preformatted(data["text/plain"]))
    return Page("\n\n".join(parts) + "\n", figures)


def _preformatted(table: str) -> str:
    return f"```\n{table}\n```"
