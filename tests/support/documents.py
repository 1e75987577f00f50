"""Snippets of the documents, for tests that run them as they stand there."""

import re
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def code_of(page: str, language: str) -> str:
    """The only block of code in this language on a page."""
    text = (DOCS / page).read_text("utf-8")
    (code,) = re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return str(code)
