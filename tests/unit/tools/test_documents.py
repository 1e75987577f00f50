"""Pages that are made from the code are as the code would make them now."""

import re
import subprocess
import sys

import pytest

from schemas import topics
from schemas.errors import ContractMismatch
from schemas.settings import known_variables
from tools.notebooks.pictures import HEAD
from tools.pages.build import DOCS, pages
from tools.pages.tables import StoredColumn, tables_page

MADE = pages()  # once: it takes seconds


@pytest.mark.parametrize("name", MADE)
def test_a_generated_page_is_fresh(name: str) -> None:
    assert (DOCS / name).read_text() == MADE[name], "run `make docs`"


def test_the_page_of_tables_is_what_the_migrations_make() -> None:
    made = "print(tables_page(stored_columns()), end='')"  # one engine a process: not in this one
    command = f"from tools.pages.tables import stored_columns, tables_page; {made}"
    said = subprocess.run(
        [sys.executable, "-c", command], check=True, capture_output=True, text=True, timeout=60
    )

    assert (DOCS / "tables.md").read_text() == said.stdout, "run `make docs`"


def test_a_table_without_a_purpose_is_refused() -> None:
    with pytest.raises(ContractMismatch, match="unheard_of"):
        tables_page([StoredColumn("unheard_of", "MergeTree", "a", "Int8", "")])


def test_no_page_shows_a_name_of_a_library_for_a_default() -> None:
    assert [row for row in MADE["settings.md"].splitlines() if "Pydantic" in row] == []


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
    assert [name for name in known_variables() if name not in MADE["settings.md"]] == []
    assert [topic.name for topic in topics.ALL if topic.name not in MADE["topics.md"]] == []


def test_the_page_of_the_study_says_how_to_run_it_in_the_words_of_its_maker() -> None:
    assert (DOCS / "market-study.md").read_text().startswith(HEAD)


def test_programs_that_only_the_environment_has_are_named_with_their_path() -> None:
    called = re.compile(r"(?:`|^ {4})((?:uvx?|jupyter) [a-z].*)", re.MULTILINE)
    texts = [DOCS.parent / ".pre-commit-config.yaml", *DOCS.rglob("*.md")]

    assert called.findall("`uv sync`, `uvx ruff`\n    jupyter lab x") != []
    assert [line for path in texts for line in called.findall(path.read_text())] == []
