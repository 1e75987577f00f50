"""`candlewick status`: what it makes of an API, a store or a supervisor that does not answer."""

import json
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from candlewick.cli import build_app
from candlewick.commands import status
from candlewick.commands.status import COMES_UP_S, is_coming_up
from candlewick.stack.addresses import Addresses
from candlewick.stack.credentials import load_or_create
from candlewick.stack.folder import StackFolder
from candlewick.stack.metrics import StackCollector
from candlewick.stack.ports import free_port
from candlewick.stack.process_identity import Identity
from candlewick.stack.state import Phase, ProcessState, StackState, write_state

STARTED_S = 1_000.0
LONG_S = 20.0


def a_stack(restarts: int) -> StackState:
    api = ProcessState("api", Phase.RUNNING, Identity(7, STARTED_S), restarts, last_exit=None)
    return StackState(Identity(1, 2.0), Addresses(1, 2, None), ready=True, processes=(api,))


@pytest.mark.parametrize(
    ("restarts", "age_s", "expected"),
    [(0, 1.0, True), (0, COMES_UP_S + 1, False), (1, 1.0, False)],
)
def test_only_an_api_that_was_just_started_for_the_first_time_need_not_answer(
    restarts: int, age_s: float, *, expected: bool
) -> None:
    assert is_coming_up(a_stack(restarts), STARTED_S + age_s) is expected


@pytest.fixture
def of_a_dead_sink(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StackState]:
    """A healthy stack whose supervisor stands still, and has not seen that one process is dead."""
    monkeypatch.setenv("CANDLEWICK_DATA_DIR", str(tmp_path))
    healthy = SimpleNamespace(status="ok", model_dump=lambda **_: {})
    monkeypatch.setattr(status, "ask_health", lambda *_: healthy)
    monkeypatch.setattr(status, "print_health", lambda *_: None)
    monkeypatch.setattr(status, "_lasts", lambda _folder: None)
    folder, me = StackFolder(tmp_path), Identity.of(os.getpid())
    dead = Identity(me.pid, 1.0, "another-boot 100")
    processes = tuple(
        ProcessState(name, Phase.RUNNING, identity, restarts=0, last_exit=None)
        for name, identity in (("stream", me), ("sink", dead))
    )
    state = StackState(me, Addresses(1, 2, None, 3), ready=True, processes=processes)
    with folder.held():
        write_state(folder.state, state)
        yield state


@pytest.mark.usefixtures("of_a_dead_sink")
def test_a_dead_process_is_gone_though_its_supervisor_counts_it_as_running() -> None:
    done = CliRunner().invoke(build_app(["status"]), ["status"])

    assert done.exit_code == 1
    assert [line.split()[:2] for line in done.output.splitlines() if "sink " in line] == [
        ["sink", "gone"]
    ]
    assert "without the supervisor's notice: sink." in done.output


@pytest.mark.usefixtures("of_a_dead_sink")
def test_a_dead_process_is_gone_for_programs_too() -> None:
    done = CliRunner().invoke(build_app(["status"]), ["status", "--json"])

    assert done.exit_code == 1
    processes = json.loads(done.output)["processes"]
    assert {each["name"]: each["phase"] for each in processes} == {
        "stream": "running",
        "sink": "gone",
    }


def test_a_dead_process_does_not_run_for_prometheus(
    tmp_path: Path, of_a_dead_sink: StackState
) -> None:
    figures = StackCollector(StackFolder(tmp_path), lambda: of_a_dead_sink.processes).collect()
    (running,) = [each for each in figures if each.name == "candlewick_process_running"]

    assert {each.labels["of"]: each.value for each in running.samples} == {"stream": 1, "sink": 0}


def test_a_store_that_hangs_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CANDLEWICK_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(status, "LASTS_S", 0.1)
    folder = StackFolder(tmp_path)
    load_or_create(folder.credentials)
    with socket.create_server(("127.0.0.1", 0)) as frozen, folder.held():
        ports = Addresses(free_port(), frozen.getsockname()[1], None, free_port())
        me = Identity.of(os.getpid())
        sink = ProcessState("sink", Phase.RUNNING, me, restarts=0, last_exit=None)
        write_state(folder.state, StackState(me, ports, ready=True, processes=(sink,)))

        began = time.monotonic()
        done = CliRunner().invoke(build_app(["status"]), ["status"])
        took_s = time.monotonic() - began

    assert "sink" in done.output
    assert "not known yet" in done.output
    assert took_s < LONG_S
