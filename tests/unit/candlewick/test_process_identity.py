"""A process is known again by its id and its start, whatever becomes of the clock."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from candlewick.stack.addresses import Addresses
from candlewick.stack.process_identity import Identity
from candlewick.stack.state import StackState, read_state, write_state

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells ticks since the boot")


@pytest.fixture
def other() -> Iterator[int]:
    """Another process that lives."""
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as process:
        yield process.pid
        process.kill()


def step_clock(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Have psutil see the time of the boot as after a step of the system's clock."""
    told = psutil.boot_time() + seconds
    monkeypatch.setattr("psutil._pslinux.boot_time", lambda: told)


@linux
@pytest.mark.parametrize("seconds", [-1, 1, 3_600])
def test_a_process_is_found_after_the_clock_was_set(
    monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    known = Identity.of(os.getpid())

    step_clock(monkeypatch, seconds)

    found = known.find()
    assert found is not None
    assert found.pid == os.getpid()
    assert abs(found.create_time() - known.started_s) >= abs(seconds) - 0.5  # it was set


@linux
def test_a_later_process_with_the_same_id_is_not_found(other: int) -> None:
    first = Identity.of(os.getpid())

    assert replace(first, pid=other).find() is None
    assert Identity.of(other).find() is not None


@linux
def test_a_process_of_before_the_reboot_is_not_found() -> None:
    known = Identity.of(os.getpid())
    assert known.mark is not None
    _, ticks = known.mark.split()

    assert replace(known, mark=f"another-boot {ticks}").find() is None


def test_what_an_older_version_wrote_down_is_found_by_its_start_time(tmp_path: Path) -> None:
    path, me = tmp_path / "state.json", Identity.of(os.getpid())
    write_state(path, StackState(me, Addresses(1, 2, None), ready=True, processes=()))
    written = json.loads(path.read_text())
    del written["supervisor"]["mark"]
    path.write_text(json.dumps(written))

    state = read_state(path)

    assert state is not None
    assert state.supervisor.find() is not None
    assert replace(state.supervisor, started_s=me.started_s - 60).find() is None
