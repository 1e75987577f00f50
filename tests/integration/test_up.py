"""How `candlewick up` ends, and what does not end it: the command without its processes."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

PATIENCE_S = 30.0
UP = """
import sys
from pathlib import Path
from candlewick.commands.up import keep_running
from candlewick.stack import stack
from candlewick.stack.addresses import Addresses, local_settings
from candlewick.stack.folder import StackFolder
from candlewick.stack.ports import free_port
from schemas.settings import Settings

stack._start = lambda plan, supervisor: supervisor.tell("starting nothing")
folder = StackFolder(Path(sys.argv[1]))
addresses = Addresses(free_port(), free_port(), None, free_port())
settings = local_settings(Settings(data_dir=folder.root), addresses)
keep_running(stack.StackPlan(folder, settings, addresses))
"""


@contextmanager
def up(
    folder: Path, before: Callable[[], object] = lambda: None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run `up` over a folder, until it says that it runs."""
    with subprocess.Popen(
        [sys.executable, "-c", UP, str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"PYTHONUNBUFFERED": ""},
        preexec_fn=before,  # noqa: PLW1509 - this process has no other thread that matters
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"starting nothing\n"
            assert process.stdout.readline().startswith(b"running; ")
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_who_is_told_to_end_ends_with_0_so_that_nobody_starts_it_again(
    tmp_path: Path, number: signal.Signals
) -> None:
    with up(tmp_path) as process:
        process.send_signal(number)
        said, wrong = process.communicate(timeout=PATIENCE_S)

    assert (process.returncode, said, wrong) == (0, b"stopped\n", b"")


def test_a_reader_that_has_gone_changes_nothing_about_the_end(tmp_path: Path) -> None:
    with up(tmp_path) as process:
        assert process.stdout is not None
        process.stdout.close()
        process.terminate()

        assert process.wait(PATIENCE_S) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what a process ignores")
def test_a_stack_under_nohup_ignores_the_logout(tmp_path: Path) -> None:
    with up(tmp_path, lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)) as process:
        status = Path(f"/proc/{process.pid}/status").read_text()
    ignored = next(line for line in status.splitlines() if line.startswith("SigIgn:"))

    assert int(ignored.split()[1], 16) & 1 << (signal.SIGHUP - 1)
