"""The study of the market: its notebook is its script, runs on a demo's data, and has a page."""

import re
from pathlib import Path

import pytest

from candlewick.stack.environment import environment_of
from tools.notebooks.executing import executed
from tools.notebooks.from_script import SCRIPT, notebook_text
from tools.notebooks.rendering import Page, rendered
from tools.notebooks.sample_store import sample_store
from tools.pages.build import DOCS


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Page:
    folder = tmp_path_factory.mktemp("study")
    with sample_store(folder, days=8, predicted_days=0.6) as settings:
        return rendered(executed(SCRIPT.with_suffix(".ipynb"), environment_of(settings)), "head")


def test_the_notebook_is_what_its_script_makes() -> None:
    made = notebook_text(SCRIPT.read_text())

    assert SCRIPT.with_suffix(".ipynb").read_text() == made, "python -m tools.notebooks.from_script"


def test_the_study_runs_on_the_demos_market_and_draws_every_picture(page: Page) -> None:
    empty = [name for name, figure in page.figures.items() if not figure.data]

    assert sorted(page.figures) == sorted(path.name for path in pictures())
    assert empty == []


def test_its_conclusions_are_those_of_the_data(page: Page) -> None:
    assert "8,448 candles of 11 pairs" in page.text
    assert "The pair that moves together most is **" in page.text
    assert re.search(r"\*\*online\*\*: skill of the point [-+]?\d", page.text)


def test_the_published_page_shows_pictures_that_are_there() -> None:
    shown = re.findall(r"\(pictures/(study-[a-z-]+\.png)\)", (DOCS / "market-study.md").read_text())

    assert sorted(shown) == sorted(path.name for path in pictures())


def pictures() -> list[Path]:
    return list((DOCS / "pictures").glob("study-*.png"))
