"""A notebook from a script whose cells begin with ``# %%``.

``python -m tools.notebooks.from_script`` makes it.

The script is the source, because people can review it; the notebook is made, never edited.
"""

from pathlib import Path

import jupytext
import nbformat

FOLDER = Path(__file__).parents[2] / "notebooks"
SCRIPT = FOLDER / "market_study.py"


def notebook_text(script: str) -> str:
    """Return the notebook of a script, without outputs, as the text of an ``.ipynb`` file."""
    notebook = jupytext.reads(script, fmt="py:percent")
    # Jupytext's ids are drawn by chance, and its metadata names its version: the same script must
    # make the same text.
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number:02d}"
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    return str(nbformat.writes(notebook)) + "\n"


def main() -> None:
    """Write the notebook beside its script."""
    SCRIPT.with_suffix(".ipynb").write_text(notebook_text(SCRIPT.read_text()))


if __name__ == "__main__":
    main()
