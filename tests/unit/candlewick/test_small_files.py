"""Small files are whole or not there, and a broken one is no reason to stop."""

import errno
import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from typer.testing import CliRunner

from candlewick.cli import build_app
from candlewick.stack.addresses import Addresses
from candlewick.stack.folder import StackFolder
from candlewick.stack.local_settings import reader_settings
from candlewick.stack.orphans import end_leftovers
from candlewick.stack.process_identity import Identity
from candlewick.stack.state import Phase, ProcessState, StackState, read_state, write_state
from schemas.errors import ConfigurationError
from schemas.files import write_first, write_whole

ROOT = Path(__file__).parents[3]
PARTS = ("schemas", "producers", "processors", "sinks", "api", "candlewick")

HOLDER = """
import sys, time
from pathlib import Path
from candlewick.stack.folder import StackFolder
with StackFolder(Path(sys.argv[1])).held():
    print("held", flush=True)
    time.sleep(600)
"""
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def a_state() -> StackState:
    kafka = ProcessState("kafka", Phase.RUNNING, Identity(7, 1.5), restarts=0, last_exit=None)
    sink = ProcessState("sink", Phase.WAITING, None, restarts=3, last_exit=-9)
    return StackState(Identity(1, 2.0), Addresses(1, 2, None), ready=True, processes=(kafka, sink))


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("run") / "state.json"
    write_state(path, a_state())
    return path


def test_state_cut_short_anywhere_counts_as_none(kept: Path, tmp_path: Path) -> None:
    whole = kept.read_bytes()
    cut = tmp_path / "state.json"

    for size in range(len(whole)):
        cut.write_bytes(whole[:size])
        assert read_state(cut) is None


@given(content=st.binary() | JSON.map(lambda value: json.dumps(value).encode()))
@example(content=b"[]")
@example(content=b"\xff\xfe")
@example(content=b'{"supervisor": 1, "addresses": {}, "ready": true, "processes": []}')
@example(content=b"[" * 100_000)
def test_anything_else_in_the_place_of_the_state_counts_as_none(kept: Path, content: bytes) -> None:
    path = kept.with_name("other.json")
    path.write_bytes(content)

    assert read_state(path) is None


@pytest.mark.parametrize("wrong", ["0", "-5", "99999999999", '"7"', "1.5", "null"])
def test_a_number_that_is_no_process_counts_as_none(kept: Path, tmp_path: Path, wrong: str) -> None:
    path = tmp_path / "state.json"
    path.write_text(kept.read_text().replace('"pid": 7', f'"pid": {wrong}'))

    assert read_state(path) is None


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> StackFolder:
    """A folder that the commands take for theirs."""
    monkeypatch.setenv("CANDLEWICK_DATA_DIR", str(tmp_path))
    made = StackFolder(tmp_path)
    made.make()
    return made


def test_commands_go_on_over_a_broken_state_and_say_so_once(
    folder: StackFolder, capfd: pytest.CaptureFixture[str]
) -> None:
    folder.state.write_text('{"supervisor": {"pid": 1')

    done = CliRunner().invoke(build_app(["down"]), ["down"], catch_exceptions=False)
    assert (done.exit_code, done.stdout) == (0, "nothing runs\n")
    assert done.stderr.count("\n") == 1
    assert str(folder.state) in done.stderr
    assert end_leftovers(folder) == 0
    assert reader_settings().data_dir == folder.root
    assert capfd.readouterr().err == ""


def test_a_running_stack_ends_though_its_state_is_broken(folder: StackFolder) -> None:
    command = [sys.executable, "-c", HOLDER, str(folder.root)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "held\n"
            folder.state.write_text("{")

            # Its parent must wait for it, or it stays as a zombie, which counts as gone.
            done = CliRunner().invoke(build_app(["down"]), ["down"], catch_exceptions=False)

            assert (done.exit_code, done.stdout) == (0, "stopped\n")
        finally:
            holder.kill()
    assert folder.holder() is None


def test_a_stack_that_ends_by_itself_meanwhile_is_stopped(
    folder: StackFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = [sys.executable, "-c", HOLDER, str(folder.root)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "held\n"

            def too_late(process: psutil.Process) -> None:
                holder.kill()
                holder.wait()
                raise psutil.NoSuchProcess(process.pid)

            monkeypatch.setattr(psutil.Process, "terminate", too_late)
            done = CliRunner().invoke(build_app(["down"]), ["down"], catch_exceptions=False)
        finally:
            holder.kill()

    assert (done.exit_code, done.stdout) == (0, "stopped\n")


def test_a_stack_of_another_user_is_told_in_one_line(
    folder: StackFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(process: psutil.Process) -> None:
        raise psutil.AccessDenied(process.pid)

    monkeypatch.setattr(psutil.Process, "terminate", refuse)
    with (
        folder.held(),
        pytest.raises(ConfigurationError, match=f"process {os.getpid()} .* another user"),
    ):
        CliRunner().invoke(build_app(["down"]), ["down"], catch_exceptions=False)


def test_a_write_that_fails_leaves_the_old_file_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "state.json"
    write_whole(path, "old")

    def fail(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space"):
        write_whole(path, "new")

    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_bytes_are_on_the_disk_before_the_name_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "credentials"
    write_whole(path, "old")
    seen: list[str] = []
    fsync = os.fsync

    def watched(descriptor: int) -> None:
        seen.append(path.read_text())
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", watched)
    write_whole(path, "new", mode=0o600)

    assert seen == ["old", "new"]  # the file's bytes, then its folder
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_that_is_written_first_is_on_the_disk_before_its_name_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, seen = tmp_path / "credentials", list[bool]()
    monkeypatch.setattr(os, "fsync", lambda _descriptor: seen.append(path.exists()))

    write_first(path, "first", mode=0o600)
    write_first(path, "second", mode=0o600)

    assert seen[0] is False
    assert seen[2] is True  # its folder
    assert path.read_text() == "first"
    assert list(tmp_path.iterdir()) == [path]


def test_a_disk_without_hard_links_takes_the_first_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refused)
    path = tmp_path / "credentials"
    write_first(path, "first", mode=0o600)
    write_first(path, "second", mode=0o600)

    assert path.read_text() == "first"
    assert list(tmp_path.iterdir()) == [path]


def test_nothing_else_writes_small_files() -> None:
    other = re.compile(r"\.write_text\(|\.write_bytes\(")
    found = {
        str(path.relative_to(ROOT))
        for part in PARTS
        for path in (ROOT / part).rglob("*.py")
        if other.search(path.read_text())
    }

    assert not found
