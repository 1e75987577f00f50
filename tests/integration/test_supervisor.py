"""The supervisor over tiny real processes."""

import errno
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from candlewick.stack import background, stack
from candlewick.stack import supervisor as supervisor_module
from candlewick.stack.addresses import Addresses
from candlewick.stack.background import start_detached
from candlewick.stack.backoff import Backoff
from candlewick.stack.folder import StackFolder
from candlewick.stack.log_files import KEEP_BYTES
from candlewick.stack.metrics import StackCollector
from candlewick.stack.orphans import end_leftovers
from candlewick.stack.parent_death import leashed
from candlewick.stack.ports import free_port
from candlewick.stack.process_identity import Identity, end_all
from candlewick.stack.programs import Program
from candlewick.stack.stack import StackPlan
from candlewick.stack.state import Phase, ProcessState, StackState, read_state, write_state
from candlewick.stack.supervisor import Supervisor
from clients.process import GRACE_S
from schemas.errors import ConfigurationError
from schemas.settings import Settings

SLEEPER = "import time; print('here', flush=True); time.sleep(600)"
LISTENER = (
    "import socket, sys, time; s = socket.create_server(('127.0.0.1', int(sys.argv[1])));"
    "print('here', flush=True); time.sleep(600)"
)
FAILING = "raise SystemExit('no such symbol')"
DEAF = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEPER}"
# Leaves the state that an earlier supervisor had left under its own id, then starts nothing.
OF_BEFORE = """
import os, sys
from pathlib import Path
from candlewick.stack.addresses import Addresses
from candlewick.stack.process_identity import Identity
from candlewick.stack.state import StackState, write_state
killed = Identity(os.getpid(), 1.0, "another-boot 100")
write_state(Path(sys.argv[1]), StackState(killed, Addresses(1, 2, None), ready=True, processes=()))
raise SystemExit("port 9092 is taken")
"""
PATIENCE_S = 20.0
ADDRESSES = Addresses(1, 2, None)


def program(name: str, code: str, port: int | None = None) -> Program:
    return Program(name, (sys.executable, "-c", code), port)


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def supervisor(tmp_path: Path, said: list[str]) -> Iterator[Supervisor]:
    folder = StackFolder(tmp_path)
    folder.make()
    backoff = Backoff(first_s=0.1, longest_s=0.4)
    running = Supervisor(folder, ADDRESSES, dict(os.environ), said.append, backoff)
    yield running
    running.stop()


def eventually(supervisor: Supervisor, true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < deadline
        supervisor.step()
        time.sleep(0.01)


def pid_of(supervisor: Supervisor, number: int = 0) -> int:
    identity = supervisor.states()[number].identity
    return identity.pid if identity else 0


def test_a_killed_process_is_started_again(supervisor: Supervisor, said: list[str]) -> None:
    supervisor.start(program("sleeper", SLEEPER))
    before = pid_of(supervisor)

    os.kill(before, signal.SIGKILL)
    eventually(supervisor, lambda: pid_of(supervisor) not in {0, before})

    assert (supervisor.states()[0].restarts, supervisor.states()[0].last_exit) == (1, -9)
    assert said == ["sleeper ended with code -9; starting it again in 0.1 s"]


def test_a_voice_that_nobody_hears_ends_nothing(supervisor: Supervisor) -> None:
    def say(_line: str) -> None:
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    supervisor.say = say
    supervisor.start(program("sleeper", SLEEPER))
    before = pid_of(supervisor)

    os.kill(before, signal.SIGKILL)
    eventually(supervisor, lambda: pid_of(supervisor) not in {0, before})


def test_a_folder_of_logs_that_was_removed_is_made_again(supervisor: Supervisor) -> None:
    supervisor.start(program("sleeper", SLEEPER))
    before = pid_of(supervisor)

    shutil.rmtree(supervisor.folder.logs)
    os.kill(before, signal.SIGKILL)
    eventually(supervisor, lambda: pid_of(supervisor) not in {0, before})

    assert supervisor.folder.log("sleeper").exists()


@contextmanager
def broken(place: Path) -> Iterator[None]:
    """Let a folder fail as on a disk that is gone, for root too: no name may be so long."""
    aside = place.with_name("aside")
    place.rename(aside)
    place.symlink_to("x" * 300)
    try:
        yield
    finally:
        place.unlink()
        aside.rename(place)


def figures(supervisor: Supervisor) -> set[str]:
    """Return the names of the supervisor's metrics."""
    return {m.name for m in StackCollector(supervisor.folder, supervisor.states).collect()}


def test_a_servers_disk_that_cannot_be_looked_at_ends_nothing(
    supervisor: Supervisor, said: list[str]
) -> None:
    supervisor.start(program("sleeper", SLEEPER))
    before = pid_of(supervisor)

    with broken(supervisor.folder.kafka):
        supervisor.step()

        assert "candlewick_disk_free_bytes" in figures(supervisor)
    assert pid_of(supervisor) == before
    assert said == []


def test_a_folder_that_cannot_be_looked_at_is_told_once_and_ends_nothing(
    supervisor: Supervisor, said: list[str]
) -> None:
    supervisor.start(program("sleeper", SLEEPER))
    before = pid_of(supervisor)
    supervisor.step()

    with broken(supervisor.folder.root):
        supervisor.step()
        supervisor.step()
        shown = figures(supervisor)
    supervisor.step()

    assert pid_of(supervisor) == before
    assert len(said) == 1
    assert "File name too long" in said[0]
    assert "candlewick_process_running" in shown
    assert "candlewick_disk_free_bytes" not in shown


def test_a_restart_that_fails_is_told_and_tried_again_while_the_others_go_on(
    supervisor: Supervisor, said: list[str]
) -> None:
    supervisor.start(program("sleeper", SLEEPER))
    supervisor.start(program("other", SLEEPER))
    before, other, log = pid_of(supervisor), pid_of(supervisor, 1), supervisor.folder.log("sleeper")
    log.unlink()
    log.mkdir()

    os.kill(before, signal.SIGKILL)
    eventually(supervisor, lambda: len(said) == 3)
    log.rmdir()
    eventually(supervisor, lambda: pid_of(supervisor) not in {0, before})

    assert "sleeper cannot be started ([Errno 21] Is a directory" in said[1]
    assert said[1].endswith("trying it again in 0.2 s")
    assert pid_of(supervisor, 1) == other


def test_a_process_has_time_to_leave_by_itself_and_say_why(supervisor: Supervisor) -> None:
    assert supervisor.grace_s > GRACE_S


def test_a_process_that_dies_again_and_again_is_started_ever_later(
    supervisor: Supervisor, said: list[str]
) -> None:
    supervisor.start(program("failing", FAILING))

    eventually(supervisor, lambda: len(said) == 5)

    waits = [float(line.split()[-2]) for line in said]
    assert waits == sorted(waits)
    assert waits[-1] == 0.4


def test_stopping_leaves_no_process_not_even_a_deaf_one(supervisor: Supervisor) -> None:
    supervisor.grace_s = 0.5
    supervisor.start(program("sleeper", SLEEPER))
    supervisor.start(program("deaf", DEAF))
    log = supervisor.folder.log("deaf")
    eventually(supervisor, lambda: "here" in log.read_text())
    pids = [pid_of(supervisor, 0), pid_of(supervisor, 1)]

    supervisor.stop()

    assert not any(psutil.pid_exists(pid) for pid in pids)


def test_a_process_that_does_not_come_up_is_reported_with_its_last_words(
    supervisor: Supervisor,
) -> None:
    server = program("exchange", FAILING, port=9)
    supervisor.start(server)

    with pytest.raises(
        ConfigurationError, match="exchange did not come up, it ended with 1: no such symbol"
    ):
        supervisor.wait_until_ready([server], PATIENCE_S)


def test_the_words_of_an_earlier_run_are_not_taken_for_those_of_this_one(
    supervisor: Supervisor,
) -> None:
    log = supervisor.folder.log("kafka")
    log.write_text("candlewick: port 9092 is taken: give Kafka another one\n")
    server = program("kafka", "import os; os.kill(os.getpid(), 9)", port=9)
    supervisor.start(server)

    with pytest.raises(
        ConfigurationError, match="kafka did not come up, it was ended by SIGKILL: it said nothing"
    ):
        supervisor.wait_until_ready([server], PATIENCE_S)


def test_a_server_that_never_answers_is_reported(supervisor: Supervisor) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        unused = holder.getsockname()[1]
    server = program("kafka", SLEEPER, port=unused)
    supervisor.start(server)

    with pytest.raises(ConfigurationError, match="kafka does not answer after 0 s"):
        supervisor.wait_until_ready([server], 0.3)


def test_a_log_of_the_supervisor_that_grew_too_long_moves_aside(supervisor: Supervisor) -> None:
    log = supervisor.folder.log(background.NAME)
    with log.open("ab") as file:
        file.truncate(KEEP_BYTES + 1)

    supervisor.step()

    assert log.stat().st_size == 0
    assert log.with_name("supervisor.log.1").stat().st_size == KEEP_BYTES + 1


def test_what_is_waited_for_is_said_again_and_again(
    supervisor: Supervisor, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor_module, "TOLD_EVERY_S", 0.1)
    server = program("kafka", SLEEPER, port=free_port())
    supervisor.start(server)

    with pytest.raises(ConfigurationError, match="kafka does not answer"):
        supervisor.wait_until_ready([server], 3)

    assert len(said) > 1
    assert all(re.fullmatch(r"still waiting for kafka: \d+ s so far", line) for line in said)


def test_kafka_is_fetched_before_anything_starts(supervisor: Supervisor, plan: StackPlan) -> None:
    def fetch(say: Callable[[str], None]) -> None:
        say("fetching")
        raise ConfigurationError("the registry does not answer")

    with pytest.raises(ConfigurationError, match="the registry"):
        stack._start(replace(plan, fetch=fetch), supervisor)

    assert supervisor.states() == ()


def test_what_runs_is_written_down(supervisor: Supervisor) -> None:
    supervisor.start(program("sleeper", SLEEPER))

    state = read_state(supervisor.folder.state)

    assert state is not None
    assert [i.pid for i in state.identities()] == [pid_of(supervisor)]
    assert state.supervisor.pid == os.getpid()


def test_another_process_under_a_recorded_id_is_left_alone() -> None:
    bystander = subprocess.Popen([sys.executable, "-c", SLEEPER])
    try:
        older = Identity(bystander.pid, Identity.of(bystander.pid).started_s - 60)
        end_all([older])
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_what_a_killed_supervisor_left_is_ended_by_what_it_wrote_down(tmp_path: Path) -> None:
    folder = StackFolder(tmp_path)
    folder.make()
    orphan = subprocess.Popen([sys.executable, "-c", SLEEPER], stdout=subprocess.DEVNULL)
    try:
        identity = Identity.of(orphan.pid)
        left = ProcessState("sink", Phase.RUNNING, identity, restarts=0, last_exit=None)
        gone = Identity(1, 0.0)
        write_state(folder.state, StackState(gone, ADDRESSES, ready=True, processes=(left,)))

        assert end_leftovers(folder) == 1
        assert identity.find() is None
        assert end_leftovers(folder) == 0
    finally:
        orphan.kill()
        orphan.wait()


def test_a_stack_in_the_background_starts_where_a_killed_one_left_a_server(tmp_path: Path) -> None:
    folder = StackFolder(tmp_path)
    folder.make()
    # The second port is taken by a stranger, so that nothing starts once the first is free.
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        ports = Addresses(free_port(), stranger.getsockname()[1], None, free_port())
        command = [sys.executable, "-c", LISTENER, str(ports.kafka)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as orphan:
            try:
                assert orphan.stdout is not None
                assert orphan.stdout.readline() == "here\n"
                identity = Identity.of(orphan.pid)
                left = ProcessState("kafka", Phase.RUNNING, identity, restarts=0, last_exit=None)
                gone = Identity(1, 0.0)
                write_state(folder.state, StackState(gone, ports, ready=True, processes=(left,)))

                with pytest.raises(ConfigurationError, match="for clickhouse is taken"):
                    start_detached(StackPlan(folder, Settings(), ports), live=True)
                assert identity.find() is None
            finally:
                orphan.kill()


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StackPlan:
    """A plan whose supervisor in the background runs and never becomes ready."""
    command = [sys.executable, "-c", SLEEPER]
    monkeypatch.setattr(background, "_command", lambda _plan, **_options: command)
    addresses = Addresses(free_port(), free_port(), None, free_port())
    return StackPlan(StackFolder(tmp_path), Settings(), addresses)


def test_ctrl_c_while_a_stack_starts_in_the_background_ends_it(
    plan: StackPlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr(background, "_runs", interrupted)
    before = psutil.Process().children()  # of other tests

    with pytest.raises(KeyboardInterrupt):
        start_detached(plan, live=True)

    assert set(psutil.Process().children()) <= set(before)


def test_a_supervisor_that_is_killed_is_not_told_by_the_words_of_an_earlier_one(
    plan: StackPlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan.folder.make()
    plan.folder.log(background.NAME).write_text("candlewick: stopped\n")
    killed = [sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"]
    monkeypatch.setattr(background, "_command", lambda _plan, **_options: killed)

    with pytest.raises(ConfigurationError, match="SIGKILL: it said nothing"):
        start_detached(plan, live=True)


def test_a_supervisor_with_the_id_of_a_killed_one_does_not_run_by_what_that_one_wrote(
    plan: StackPlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan.folder.make()
    of_before = [sys.executable, "-c", OF_BEFORE, str(plan.folder.state)]
    monkeypatch.setattr(background, "_command", lambda _plan, **_options: of_before)

    with pytest.raises(ConfigurationError, match="port 9092 is taken"):
        start_detached(plan, live=True)


def test_a_stack_that_is_not_ready_in_time_has_ended_when_that_is_told(
    plan: StackPlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background, "PATIENCE_S", 0.0)
    before = psutil.Process().children()  # of other tests

    with pytest.raises(ConfigurationError, match="not ready after 0 s"):
        start_detached(plan, live=True)

    assert set(psutil.Process().children()) <= set(before)


@pytest.mark.parametrize("name", ["signal.py", "ctypes.py", "candlewick.py"])
def test_what_lies_in_the_working_directory_is_not_run(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("raise SystemExit('a script of somebody')")
    command = leashed([sys.executable, "-P", "-c", "print('here')"])

    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout, done.stderr) == (0, "here\n", "")


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent-death signal is Linux's")
def test_children_end_with_a_supervisor_that_is_killed() -> None:
    code = (
        "import subprocess, sys, time; from candlewick.stack.parent_death import leashed;"
        f"p = subprocess.Popen(leashed([sys.executable, '-c', {SLEEPER!r}]));"
        "print(p.pid, flush=True); time.sleep(600)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    with parent.stdout:
        child = psutil.Process(int(parent.stdout.readline()))
        assert parent.stdout.readline() == "here\n"  # it has its leash
        parent.kill()
        parent.wait()
    psutil.wait_procs([child], timeout=PATIENCE_S)

    assert not child.is_running()
