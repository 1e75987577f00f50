"""Generator of notebooks, each from a script whose cells begin with ``# %%``.

Run it with ``python -m tools.notebooks.from_script``.

The scripts are the source, because they can be reviewed; the notebooks are never edited.
"""

from pathlib import Path

import jupytext
import nbformat

FOLDER = Path(__file__).parents[2] / "notebooks"
SCRIPT = FOLDER / "market_study.py"  # of the store
THREE_COINS = FOLDER / "three_coins_study.py"  # of a file


def notebook_text(script: str) -> str:
    """Convert a script to the text of an ``.ipynb`` file, without outputs."""
    notebook = jupytext.reads(script, fmt="py:percent")
    # Jupytext's ids are random and its metadata names its version, but the same script must give
    # the same text.
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number:02d}"
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    return str(nbformat.writes(notebook)) + "\n"


def main() -> None:
    """Write each notebook beside its script."""
    for script in (SCRIPT, THREE_COINS):
        script.with_suffix(".ipynb").write_text(notebook_text(script.read_text()))


if __name__ == "__main__":
    main()
