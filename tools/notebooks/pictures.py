"""Generator of the study's page and pictures: ``python -m tools.notebooks.pictures``.

It needs Chromium. It uses the sample market, so the result is the same everywhere.
"""

import os
import tempfile
from pathlib import Path

from candlewick.stack.environment import environment_of
from tools.notebooks.executing import executed
from tools.notebooks.from_script import SCRIPT, THREE_COINS
from tools.notebooks.rendering import Page, joined, rendered
from tools.notebooks.sample_store import sample_store

DOCS = Path(__file__).parents[2] / "docs"
DAYS = 87  # the recorded days before the end of the sample
PREDICTED_DAYS = 28
HEAD = """<!-- Made by `python -m tools.notebooks.pictures` from the scripts in notebooks/. -->

*This page is the notebook [market_study.ipynb](../notebooks/market_study.ipynb), run on the demo's
market as it stood on 15 August 2025. Run it on your own store, with `candlewick up` running:
`.venv/bin/jupyter execute --inplace notebooks/market_study.ipynb`. To work in it, first
`.venv/bin/uv pip install jupyterlab`, then `.venv/bin/jupyter lab notebooks`.*"""


def main() -> None:
    """Run the notebook on the sample store; write its page and its pictures."""
    with (
        tempfile.TemporaryDirectory() as folder,
        sample_store(Path(folder), days=DAYS, predicted_days=PREDICTED_DAYS) as settings,
    ):
        stored = rendered(executed(SCRIPT.with_suffix(".ipynb"), environment_of(settings)), HEAD)
    page = joined(stored, three_coins())
    (DOCS / "market-study.md").write_text(page.text)
    (DOCS / "pictures").mkdir(exist_ok=True)
    for name, figure in page.figures.items():
        figure.write_image(DOCS / "pictures" / name)


def three_coins() -> Page:
    """Run the notebook of 2022, which reads no store."""
    return rendered(executed(THREE_COINS.with_suffix(".ipynb"), os.environ))


if __name__ == "__main__":
    main()
