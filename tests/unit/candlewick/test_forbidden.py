"""What the system does not permit is told with what helps there, and with nothing else."""

import errno
import os
from pathlib import Path

import pytest

from candlewick.kafka_server.aot_cache import train
from candlewick.kafka_server.jars import ensure_jars
from candlewick.kafka_server.java import KafkaJava
from candlewick.terminal.console import describe
from schemas.errors import ConfigurationError

DATA_DIR = "allow it, or set CANDLEWICK_DATA_DIR"
OWNER = "allow it, or call this as the user to whom it belongs"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder, for which the commands take it."""
    made = tmp_path / "stack"
    made.mkdir()
    monkeypatch.setenv("CANDLEWICK_DATA_DIR", str(made))
    return made


def permit(monkeypatch: pytest.MonkeyPatch, permitted: int) -> None:
    """Let the user do this with whatever there is: the one of the tests may be root."""
    monkeypatch.setattr(os, "access", lambda _place, wanted: wanted & ~permitted == 0)


def refused(place: Path, number: int = errno.EACCES) -> OSError:
    return OSError(number, os.strerror(number), str(place))


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM, errno.EROFS])
def test_a_data_folder_that_may_not_be_written_can_be_another_one(
    folder: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    permit(monkeypatch, os.R_OK | os.X_OK)
    for place in (folder / "market", folder / "run" / "lock", folder.parent):
        assert describe(refused(place, number)) == f"no permission to write {place}: {DATA_DIR}"


def test_a_place_outside_of_the_data_folder_is_not_moved_by_its_setting(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    permit(monkeypatch, os.R_OK | os.X_OK)
    place = folder.with_name("candles.csv")

    assert describe(refused(place)) == f"no permission to write {place}: allow it"


@pytest.mark.parametrize("permitted", [0, os.R_OK | os.W_OK])  # the second: what is not a program
def test_what_was_only_read_or_run_is_not_called_written(
    folder: Path, monkeypatch: pytest.MonkeyPatch, permitted: int
) -> None:
    permit(monkeypatch, permitted)
    place = folder / "credentials"
    place.touch()

    assert describe(refused(place)) == f"no permission for {place}: {OWNER}"


def test_an_error_without_a_place_is_told_as_it_is() -> None:
    assert describe(PermissionError(errno.EPERM, "Not permitted")) == "[Errno 1] Not permitted"


def test_a_wrong_setting_does_not_hide_what_is_not_permitted(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    permit(monkeypatch, os.R_OK)
    monkeypatch.setenv("CANDLEWICK_NO_SUCH", "1")
    place = folder / "market"

    assert describe(refused(place)) == f"no permission to write {place}: allow it"


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM, errno.EROFS])
def test_a_cache_that_may_not_be_used_can_be_another_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    home = tmp_path / "cache" / "kafka"

    def refuse(*_: object, **__: object) -> None:
        raise refused(tmp_path / "cache", number)

    monkeypatch.setattr(Path, "mkdir", refuse)
    match = f"kept in {home}: allow it, or set XDG_CACHE_HOME"
    with pytest.raises(ConfigurationError, match=match):
        ensure_jars(home)
    with pytest.raises(ConfigurationError, match=match):
        train(KafkaJava(home, ()))


def test_a_jar_that_may_not_be_read_is_one_of_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path) -> bytes:
        raise refused(path)

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(ConfigurationError, match="XDG_CACHE_HOME"):
        ensure_jars(tmp_path)
