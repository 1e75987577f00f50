"""`candlewick users` works on the database of the stack, and never makes another one beside it."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from api.accounts.database import FILE
from candlewick.cli import build_app
from schemas.errors import ConfigurationError

ON_NOTHING = [
    ["list"],
    ["list", "--json"],
    ["password", "ada", "--generate"],
    ["remove", "ada"],
    ["rotate-key", "--forget"],
]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, in which there is no stack."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def users(*arguments: str) -> Result:
    app = build_app(["users"])
    return CliRunner().invoke(app, ["users", *arguments], catch_exceptions=False)


@pytest.mark.parametrize("arguments", [["add", "ada", "--generate"], *ON_NOTHING], ids=" ".join)
def test_where_no_stack_is_nothing_is_done_and_nothing_made(
    arguments: list[str], here: Path
) -> None:
    with pytest.raises(ConfigurationError, match="CANDLEWICK_DATA_DIR") as caught:
        users(*arguments)

    assert str(here / ".candlewick") in str(caught.value)
    assert list(here.iterdir()) == []


@pytest.mark.parametrize("arguments", ON_NOTHING, ids=" ".join)
def test_a_stack_without_users_is_not_given_a_database_by_what_looks_or_changes(
    arguments: list[str], here: Path
) -> None:
    (here / ".candlewick").mkdir()

    with pytest.raises(ConfigurationError, match="there is no user database"):
        users(*arguments)

    assert list((here / ".candlewick").iterdir()) == []


def test_who_is_added_is_told_in_which_database(here: Path) -> None:
    (here / ".candlewick").mkdir()

    added = users("add", "Ada", "--generate")

    assert added.stdout.endswith(f"added ada to {here / '.candlewick' / FILE}\n")
    assert users("list").stdout == "ada\tviewer\n"


def test_a_database_of_ones_own_needs_no_stack_and_its_address_is_not_shown(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CANDLEWICK_API__USERS_URL", f"sqlite:///{here / 'mine'}?timeout=7")

    added = users("add", "ada", "--generate")

    assert added.stdout.endswith("added ada to the database of CANDLEWICK_API__USERS_URL\n")
    assert users("list").stdout == "ada\tviewer\n"
    assert not (here / ".candlewick").exists()
