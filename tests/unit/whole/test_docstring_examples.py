"""Every example in a docstring is run: it is a specification, not an illustration."""

import doctest
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PARTS = (
    "schemas", "clients", "producers", "processors", "sinks", "api", "grafana", "candlewick",
    "tools",
)  # fmt: skip
WITH_EXAMPLES = sorted(
    str(path.relative_to(ROOT))
    for part in PARTS
    for path in (ROOT / part).rglob("*.py")
    if ">>> " in path.read_text()
)


@pytest.mark.parametrize("path", WITH_EXAMPLES)
def test_the_examples_of_a_module_are_true(path: str) -> None:
    module = import_module(path.removesuffix(".py").replace("/", "."))
    written = (ROOT / path).read_text().count(">>> ")

    result = doctest.testmod(module, optionflags=doctest.FAIL_FAST)

    assert result.failed == 0
    assert result.attempted == written, "an example stands where it is not found"


def test_there_are_examples() -> None:
    assert "processors/models/variance.py" in WITH_EXAMPLES
