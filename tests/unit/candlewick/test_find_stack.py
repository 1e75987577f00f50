"""Programs find the stack of the folder in which they run, or of one above it."""

from pathlib import Path

import pytest

from candlewick.client.find_stack import nearby_settings
from candlewick.stack.credentials import load_or_create


@pytest.mark.parametrize("folder", [".", "notebooks", "notebooks/mine"])
def test_passwords_come_from_the_stack_of_the_nearest_folder(
    folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = load_or_create(tmp_path / ".candlewick" / "credentials")
    (tmp_path / folder).mkdir(parents=True, exist_ok=True)
    monkeypatch.chdir(tmp_path / folder)

    found = nearby_settings().clickhouse.reader_password.get_secret_value()

    assert found == made.reader_password


def test_the_environment_goes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load_or_create(tmp_path / ".candlewick" / "credentials")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CANDLEWICK_CLICKHOUSE__READER_PASSWORD", "mine")
    monkeypatch.setenv("CANDLEWICK_CLICKHOUSE__URL", "http://store:8123")

    settings = nearby_settings().clickhouse

    assert settings.reader_password.get_secret_value() == "mine"
    assert settings.url == "http://store:8123"
