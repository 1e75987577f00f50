"""What a forge shows and runs: workflows and hooks call `make`, the changelog keeps its form."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[3]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = frozenset(re.findall(r"^([a-z-]+):.*## ", MAKEFILE, re.MULTILINE))


def jobs(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"]
    return found


def steps(path: Path) -> Iterator[dict[str, Any]]:
    for job in jobs(path).values():
        yield from job["steps"]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_calls_targets_that_the_makefile_has(path: Path) -> None:
    called = [
        name for step in steps(path) for name in re.findall(r"^make (\S+)", step.get("run", ""))
    ]

    assert called
    assert set(called) <= TARGETS


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_an_action_is_pinned_to_a_commit_and_names_its_version(path: Path) -> None:
    used = [line for line in path.read_text(encoding="utf-8").splitlines() if "uses:" in line]

    assert used
    assert [line for line in used if not re.search(r"@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line)] == []


def test_the_tests_run_on_every_python_that_the_package_promises() -> None:
    pyproject = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    promised = re.search(r'requires-python = ">=3\.(\d+),<3\.(\d+)"', pyproject)
    assert promised is not None
    first, end = map(int, promised.groups())

    (workflow,) = (path for path in WORKFLOWS if path.name == "test.yml")
    matrix = jobs(workflow)["test"]["strategy"]["matrix"]

    assert matrix["python"] == [f"3.{minor}" for minor in range(first, end)]
    assert [extra["system"] for extra in matrix["include"]] == ["macos-15"]


def test_the_hooks_run_the_commands_of_make_lint() -> None:
    recipe = MAKEFILE.split("\nlint: ", 1)[1].split("\n\n", 1)[0].splitlines()[1:]
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))

    hooks = [hook["entry"] for repository in config["repos"] for hook in repository["hooks"]]

    assert hooks == [line.strip().replace("$(BIN)", ".venv/bin") for line in recipe]


def test_the_first_release_lists_only_what_it_adds() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    first = changelog.split("\n## ")[-1]

    assert re.findall(r"^### (.+)$", first, re.MULTILINE) == ["Added"]
