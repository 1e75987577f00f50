"""A notebook from a script whose cells begin with ``# %%``.

``python -m tools.notebooks.from_script`` makes it.

The script is the source, because people can review it; the notebook is made, never edited.
Source: the percent format, as Jupytext, Spyder and VS Code read it.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "notebooks"
SCRIPT = FOLDER / "market_study.py"
_CELL = re.compile(r"^# %%(?P<kind> \[markdown\])?\n", re.MULTILINE)


def notebook_text(script: str) -> str:
    """Return the notebook of a script, without outputs, as the text of an ``.ipynb`` file."""
    notebook = {
        "cells": list(_cells(script)),
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def main() -> None:
    """Write the notebook beside its script."""
    SCRIPT.with_suffix(".ipynb").write_text(notebook_text(SCRIPT.read_text()))


def _cells(script: str) -> Iterator[dict[str, object]]:
    marks = list(_CELL.finditer(script))
    ends = [mark.start() for mark in marks[1:]] + [len(script)]
    for number, (mark, end) in enumerate(zip(marks, ends, strict=True)):
        body = script[mark.end() : end].strip("\n")
        cell_id = f"cell-{number:02d}"
        if mark["kind"]:
            text = "\n".join(line.removeprefix("#").removeprefix(" ") for line in body.split("\n"))
            yield {"cell_type": "markdown", "id": cell_id, "metadata": {}, "source": _lines(text)}
        else:
            code: dict[str, object] = {
                "execution_count": None,
                "outputs": [],
                "source": _lines(body),
            }
            yield code | {"cell_type": "code", "id": cell_id, "metadata": {}}


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


if __name__ == "__main__":
    main()
