"""`candlewick status`: what it makes of an API or a store that does not answer."""

import os
import socket
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from candlewick.cli import build_app
from candlewick.commands import status
from candlewick.commands.status import COMES_UP_S, is_coming_up
from candlewick.stack.addresses import Addresses
from candlewick.stack.credentials import load_or_create
from candlewick.stack.folder import StackFolder
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
