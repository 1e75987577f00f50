"""`candlewick down` ends who holds the folder, and nobody else."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

import psutil
import pytest
from typer.testing import CliRunner, Result

from candlewick.cli import build_app
from candlewick.commands import down as down_module
from candlewick.stack.folder import StackFolder
from candlewick.stack.process_identity import Identity
from schemas.errors import ConfigurationError

HOLDER = """
import sys, time
from pathlib import Path
from candlewick.stack.folder import StackFolder
with StackFolder(Path(sys.argv[1])).held():
    print("held", flush=True)
    time.sleep(600)
"""
BYSTANDER = "import time; print('here', flush=True); time.sleep(600)"
ELSEWHERE = "held by a process of another container or machine"


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> StackFolder:
    """A folder that the commands take for theirs."""
    monkeypatch.setenv("CANDLEWICK_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(down_module, "LOOK_S", 0.0)
    return StackFolder(tmp_path)


@pytest.fixture
def lock(folder: StackFolder) -> Path:
    """The file in which the holder of the folder tells who it is."""
    return folder.root / "run" / "lock"


def started(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.kill()


@pytest.fixture
def holder(folder: StackFolder) -> Iterator[subprocess.Popen[str]]:
    """A process that holds the folder."""
    yield from started(HOLDER, str(folder.root))


@pytest.fixture
def bystander() -> Iterator[subprocess.Popen[str]]:
    """A process that has nothing to do with it."""
    yield from started(BYSTANDER)


def called(command: str) -> Result:
    return CliRunner().invoke(build_app([command]), [command], catch_exceptions=False)


def test_who_locked_the_folder_is_known_by_more_than_its_id(
    folder: StackFolder, lock: Path, holder: subprocess.Popen[str]
) -> None:
    found = folder.holder()

    assert found is not None
    assert found == Identity(**json.loads(lock.read_text()))
    assert (found.pid, found.mark) == (holder.pid, Identity.of(holder.pid).mark)


def test_a_stranger_with_the_id_of_a_holder_in_another_container_is_left_alone(
    folder: StackFolder,
    lock: Path,
    holder: subprocess.Popen[str],
    bystander: subprocess.Popen[str],
) -> None:
    lock.write_text(json.dumps(asdict(Identity(bystander.pid, 1.0, "that-boot 100"))))

    with pytest.raises(ConfigurationError, match=f"{folder.root} is {ELSEWHERE}: stop it there"):
        called("down")

    assert (holder.poll(), bystander.poll()) == (None, None)


def test_an_id_that_an_older_version_wrote_down_ends_its_process(
    lock: Path, holder: subprocess.Popen[str]
) -> None:
    lock.write_text(str(holder.pid))

    done = called("down")

    assert (done.exit_code, done.stdout) == (0, "stopped\n")


@pytest.mark.parametrize("wrong", ["", "0", "99999999999", "{", "[]", '{"pid": "7"}'])
def test_what_tells_no_process_ends_none(
    lock: Path, holder: subprocess.Popen[str], wrong: str
) -> None:
    lock.write_text(wrong)

    with pytest.raises(ConfigurationError, match=ELSEWHERE):
        called("down")

    assert holder.poll() is None


@pytest.mark.usefixtures("holder")
def test_an_id_that_an_older_version_wrote_down_elsewhere_ends_nobody(
    lock: Path, bystander: subprocess.Popen[str]
) -> None:
    lock.write_text(str(bystander.pid))

    with pytest.raises(ConfigurationError, match=ELSEWHERE):
        called("down")

    assert bystander.poll() is None


def test_a_folder_that_is_held_again_is_not_called_stopped(
    folder: StackFolder, holder: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with ExitStack() as next_one:

        def replaced(process: psutil.Process) -> None:
            holder.kill()
            holder.wait()
            next_one.enter_context(folder.held())
            raise psutil.NoSuchProcess(process.pid)

        monkeypatch.setattr(psutil.Process, "terminate", replaced)

        with pytest.raises(ConfigurationError, match="is held still or again"):
            called("down")


@pytest.mark.usefixtures("holder")
def test_a_stack_in_another_container_is_not_told_to_be_none(
    folder: StackFolder, lock: Path
) -> None:
    lock.write_text(json.dumps(asdict(Identity(os.getpid(), 1.0, "that-boot 100"))))

    done = called("status")

    assert (done.exit_code, done.stdout) == (1, f"{folder.root} is {ELSEWHERE}\n")


def test_a_folder_that_is_held_by_a_start_or_a_backup_is_told_by_status(
    folder: StackFolder, holder: subprocess.Popen[str]
) -> None:
    assert called("status").stdout.startswith(f"process {holder.pid} holds {folder.root}: ")
