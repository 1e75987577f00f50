"""Execution of a notebook in its own kernel, as a person would run it."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
from nbclient import NotebookClient

if TYPE_CHECKING:
    from nbformat import NotebookNode

CELL_S = 180


def executed(notebook: Path, environment: Mapping[str, str]) -> "NotebookNode":
    """Run a notebook, and return it with the outputs of its cells.

    Raises:
        nbclient.exceptions.CellExecutionError: A cell failed; the message shows where.
    """
    loaded = nbformat.reads(notebook.read_text(encoding="utf-8"), as_version=4)
    client = NotebookClient(
        loaded, timeout=CELL_S, resources={"metadata": {"path": str(notebook.parent)}}
    )
    quiet = {"PLOTLY_RENDERER": "plotly_mimetype", "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
    return asyncio.run(client.async_execute(env={**environment, **quiet}))
