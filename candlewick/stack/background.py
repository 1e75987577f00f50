"""Starts the supervisor as a background process, for `candlewick up --detach`."""

import subprocess
import time
from pathlib import Path

from candlewick.stack.environment import environment_of
from candlewick.stack.log_files import last_lines, length
from candlewick.stack.orphans import end_leftovers
from candlewick.stack.process_identity import END_S
from candlewick.stack.programs import PYTHON
from candlewick.stack.stack import StackPlan
from candlewick.stack.state import read_state
from candlewick.stack.voice import NAME
from clients.process import ending_of
from schemas.errors import ConfigurationError

PATIENCE_S = 1_200.0  # more than its servers have, and some for Kafka's jars on a slow line


def start_detached(plan: StackPlan, *, live: bool) -> None:
    """Start the supervisor, and return once the whole stack is ready.

    Raises:
        ConfigurationError: A port is taken, another stack runs in the folder, the supervisor
            ended (the message has its last log line), or the stack was not ready in time.
    """
    plan.folder.make()
    with plan.folder.held():
        end_leftovers(plan.folder)
        plan.addresses.check_free(plan.settings.api.host)
    began = length(plan.folder.log(NAME))
    with plan.folder.log(NAME).open("ab") as output:
        supervisor = subprocess.Popen(
            _command(plan, live=live),
            env=environment_of(plan.settings),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _wait_until_ready(plan, supervisor, began)
    except BaseException:  # Ctrl-C does not reach it: it has a session of its own
        _end(supervisor)
        raise


def _wait_until_ready(plan: StackPlan, supervisor: subprocess.Popen[bytes], began: int) -> None:
    log = plan.folder.log(NAME)
    deadline = time.monotonic() + PATIENCE_S
    while not _runs(plan, supervisor.pid):
        if supervisor.poll() is not None:
            raise ConfigurationError(_last_words(log, began, supervisor.returncode))
        if time.monotonic() > deadline:
            raise ConfigurationError(f"the stack is not ready after {PATIENCE_S:.0f} s: see {log}")
        time.sleep(0.1)


def _last_words(log: Path, began: int, code: int) -> str:
    said = [line.removeprefix("candlewick: ") for line in last_lines(log, 1, since=began)]
    if said and code > 0:
        return said[0]
    return f"the supervisor {ending_of(code)}: {(said or ['it said nothing'])[0]} (see {log})"


def _end(supervisor: subprocess.Popen[bytes]) -> None:
    supervisor.terminate()
    try:
        supervisor.wait(END_S)
    except subprocess.TimeoutExpired:  # its processes end with it, now or at the next start
        supervisor.kill()
        supervisor.wait()


def _command(plan: StackPlan, *, live: bool) -> list[str]:
    ports = plan.addresses
    command = [*PYTHON, "candlewick", "up", "--workers", str(plan.workers)]
    command += ["--kafka-port", str(ports.kafka), "--clickhouse-port", str(ports.clickhouse)]
    command += ["--api-port", str(ports.api)]
    if live:
        return [*command, "--live"]
    return [*command, "--exchange-port", str(ports.exchange)]


def _runs(plan: StackPlan, pid: int) -> bool:
    state = read_state(plan.folder.state)
    if state is None or not state.ready or state.supervisor.pid != pid:
        return False
    # A killed one may have had the same id, as in a container that is started again.
    return state.supervisor.find() is not None
