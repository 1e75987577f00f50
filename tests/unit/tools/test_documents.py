"""Pages that are made from the code are as the code would make them now."""

import pytest

from schemas import topics
from schemas.settings import known_variables
from tools.pages.build import DOCS, pages


@pytest.mark.parametrize("name", pages())
def test_a_generated_page_is_fresh(name: str) -> None:
    assert (DOCS / name).read_text() == pages()[name], "run `make docs`"


def test_every_setting_and_every_topic_stands_in_its_page() -> None:
    made = pages()

    assert [name for name in known_variables() if name not in made["settings.md"]] == []
    assert [topic.name for topic in topics.ALL if topic.name not in made["topics.md"]] == []
