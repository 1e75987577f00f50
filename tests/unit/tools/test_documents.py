"""Pages that are made from the code are as the code would make them now."""

import re

import pytest

from schemas import topics
from schemas.settings import known_variables
from tools.pages.build import DOCS, pages


@pytest.mark.parametrize("name", pages())
def test_a_generated_page_is_fresh(name: str) -> None:
    assert (DOCS / name).read_text() == pages()[name], "run `make docs`"


def test_no_page_shows_a_name_of_a_library_for_a_default() -> None:
    assert [row for row in pages()["settings.md"].splitlines() if "Pydantic" in row] == []


def test_every_make_target_that_is_named_exists() -> None:
    root = DOCS.parent
    targets = set(re.findall(r"^([a-z-]+):", (root / "Makefile").read_text(), re.MULTILINE))
    texts = [root / "README.md", *DOCS.rglob("*.md"), *(root / "notebooks").glob("*.py")]
    named = {
        (path.name, target)
        for path in texts
        for target in re.findall(r"`make ([a-z-]+)", path.read_text())
    }

    assert {target for _, target in named} >= {"demo", "docs"}
    assert sorted((name, target) for name, target in named if target not in targets) == []


def test_every_setting_and_every_topic_stands_in_its_page() -> None:
    made = pages()

    assert [name for name in known_variables() if name not in made["settings.md"]] == []
    assert [topic.name for topic in topics.ALL if topic.name not in made["topics.md"]] == []
