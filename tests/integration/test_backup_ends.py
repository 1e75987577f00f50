"""A backup or a restore that is ended leaves nothing, and one that is killed until the next."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from candlewick.backup import read_backup, size_of, write_backup
from schemas.errors import ConfigurationError

PATIENCE_S = 30.0
TOLD = [signal.SIGTERM, signal.SIGHUP]
# Runs a command that says when it has begun to write, and then never comes to its end.
STOPS = """
import time
from candlewick import backup
from candlewick.cli import main

def stop(*_):
    print("here", flush=True)
    time.sleep(600)

backup._add_manifest = backup._manifest = stop
main()
"""
EVALUATES = """
from candlewick.offline.evaluation import evaluate, find_files, selection
evaluate.workers = stop
find_files.find_files = find_files.left_out_told = lambda *_: []
selection.selected = lambda *_: {"BTCUSDT": None}
"""


def a_stack(root: Path) -> Path:
    folder = root / "stack"
    (folder / "clickhouse").mkdir(parents=True)
    (folder / "clickhouse/part.bin").write_bytes(bytes(100_000))
    (folder / "credentials").write_text("secret")
    return folder


def a_backup(folder: Path, target: Path) -> Path:
    write_backup(folder, target, size=size_of(folder), program="0.1.0", made_ms=1)
    return target


@contextmanager
def stopped(folder: Path, *command: str, code: str = STOPS) -> Iterator[subprocess.Popen[str]]:
    """A command over a data folder that has begun to write; it ends with the block."""
    with subprocess.Popen(
        [sys.executable, "-c", code, *command],
        env=os.environ | {"CANDLEWICK_DATA_DIR": str(folder), "TMPDIR": str(folder.parent)},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            while (line := process.stdout.readline()) != "here\n":
                assert line
            yield process
        finally:
            process.kill()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("number", TOLD)
def test_a_backup_that_is_told_to_end_leaves_nothing(
    tmp_path: Path, number: signal.Signals
) -> None:
    with stopped(a_stack(tmp_path), "backup", str(tmp_path / "one.tar")) as process:
        assert names(tmp_path) == [f"one.tar.{process.pid}.part", "stack"]
        process.send_signal(number)
        assert process.wait(PATIENCE_S) == 1

    assert names(tmp_path) == ["stack"]


@pytest.mark.parametrize("number", TOLD)
def test_a_restore_that_is_told_to_end_leaves_nothing(
    tmp_path: Path, number: signal.Signals
) -> None:
    backup = a_backup(a_stack(tmp_path), tmp_path / "one.tar")
    with stopped(tmp_path / "new", "restore", str(backup)) as process:
        assert f"new.{process.pid}.restored" in names(tmp_path)
        process.send_signal(number)
        assert process.wait(PATIENCE_S) == 1

    assert names(tmp_path) == ["one.tar", "stack"]


@pytest.mark.parametrize("number", TOLD)
def test_an_evaluation_that_is_told_to_end_leaves_nothing(
    tmp_path: Path, number: signal.Signals
) -> None:
    code = STOPS.replace("main()", f"{EVALUATES}main()")
    with stopped(tmp_path / "none", "evaluate", "files", code=code) as process:
        assert len(names(tmp_path)) == 1
        process.send_signal(number)
        assert process.wait(PATIENCE_S) == 1

    assert names(tmp_path) == []


def test_what_a_killed_backup_left_is_removed_by_the_next(tmp_path: Path) -> None:
    folder = a_stack(tmp_path)
    with stopped(folder, "backup", str(tmp_path / "one.tar")) as process:
        process.kill()
        process.wait()
    for other in ("two.tar.7.part", "one.tar.x.part", "one.tar.20261201.part", "one.tar.7.part"):
        (tmp_path / other).write_bytes(b"")  # only the last is a leftover of this name

    a_backup(folder, tmp_path / "one.tar")

    others = ["one.tar.20261201.part", "one.tar.x.part", "stack", "two.tar.7.part"]
    assert names(tmp_path) == ["one.tar", *others]


def test_what_a_killed_restore_left_is_removed_by_the_next(tmp_path: Path) -> None:
    backup = a_backup(a_stack(tmp_path), tmp_path / "one.tar")
    with stopped(tmp_path / "new", "restore", str(backup)) as process:
        process.kill()
        process.wait()
    for other in ("new.7.restored", "new.20261201.restored", "other.7.restored"):
        (tmp_path / other).mkdir()

    read_backup(backup, tmp_path / "new")

    others = ["new.20261201.restored", "one.tar", "other.7.restored", "stack"]
    assert names(tmp_path) == ["new", *others]


def test_what_a_living_backup_writes_is_left_to_it(tmp_path: Path) -> None:
    folder = a_stack(tmp_path)
    with stopped(folder, "backup", str(tmp_path / "one.tar")) as process:
        a_backup(folder, tmp_path / "one.tar")

        assert f"one.tar.{process.pid}.part" in names(tmp_path)


def test_what_a_living_restore_writes_is_left_to_it(tmp_path: Path) -> None:
    backup = a_backup(a_stack(tmp_path), tmp_path / "one.tar")
    with stopped(tmp_path / "new", "restore", str(backup)) as process:
        read_backup(backup, tmp_path / "new")

        assert (tmp_path / f"new.{process.pid}.restored/credentials").exists()


def test_a_file_that_a_process_of_the_same_id_elsewhere_writes_is_not_written_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = a_stack(tmp_path)
    with stopped(folder, "backup", str(tmp_path / "one.tar")) as process:
        monkeypatch.setattr(os, "getpid", lambda: process.pid)

        with pytest.raises(ConfigurationError, match="another backup is writing"):
            a_backup(folder, tmp_path / "one.tar")
