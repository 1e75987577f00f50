"""The command line as a person uses it, over the whole real pipeline."""

import fcntl
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from candlewick.stack.ports import free_port

CANDLEWICK = str(Path(sys.executable).with_name("candlewick"))
PATIENCE_S = 180.0  # what a command may take: a demo starts Kafka, ClickHouse and ten more


@dataclass(slots=True)
class Terminal:
    """What a command shows to a person."""

    process: subprocess.Popen[bytes]
    screen: int
    shown: str = ""

    def read_until(self, *texts: str) -> None:
        """Read until each text has been shown."""
        deadline = time.monotonic() + PATIENCE_S
        while not all(text in self.shown for text in texts):
            assert time.monotonic() < deadline, self.shown[-3000:]
            assert self._read(), self.shown[-3000:]

    def read_some(self) -> bool:
        """Read what is there, and return whether the command goes on."""
        return self._read()

    def read_all(self) -> None:
        """Read until the command has ended."""
        while self._read():
            pass
        self.process.wait(PATIENCE_S)

    def _read(self) -> bool:
        if not select.select([self.screen], [], [], PATIENCE_S)[0]:
            return False
        try:
            self.shown += os.read(self.screen, 1 << 16).decode(errors="replace")
        except OSError:  # how Linux says that nobody writes any more
            return False
        return True


class CommandLine:
    """`candlewick` over one folder, on ports of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ports = ["--kafka-port", str(free_port()), "--clickhouse-port", str(free_port())]
        self.ports += ["--exchange-port", str(free_port())]
        clean = {k: v for k, v in os.environ.items() if not k.startswith("CANDLEWICK_")}
        self.environment = clean | {"CANDLEWICK_DATA_DIR": str(folder), "COLUMNS": "110"}
        self.environment["CANDLEWICK_API__PORT"] = str(free_port())
        self.environment["CANDLEWICK_BACKFILL__SINCE"] = "1d"  # the past has tests of its own

    def __call__(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [CANDLEWICK, *arguments],
            env=self.environment | variables,
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=180,
        )

    @contextmanager
    def in_terminal(self, *arguments: str, **variables: str) -> Iterator["Terminal"]:
        """Run a command as in a terminal; it has ended when the block is left."""
        ours, its = os.openpty()
        fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 110, 0, 0))
        process = subprocess.Popen(
            [CANDLEWICK, *arguments],
            env=self.environment | variables,
            stdin=its,
            stdout=its,
            stderr=its,
        )
        os.close(its)
        try:
            yield Terminal(process, ours)
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()
            os.close(ours)

    def state(self) -> dict[str, int]:
        raw = json.loads((self.folder / "run" / "state.json").read_text())
        return {p["name"]: p["identity"]["pid"] for p in raw["processes"] if p["identity"]}

    def supervisor(self) -> int:
        raw = json.loads((self.folder / "run" / "state.json").read_text())
        return int(raw["supervisor"]["pid"])


@pytest.fixture
def candlewick(tmp_path: Path) -> Iterator[CommandLine]:
    line = CommandLine(tmp_path)
    yield line
    if (tmp_path / "run").exists():
        line("down")


def eventually(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def runs(pid: int) -> bool:
    """Tell whether a process lives; a container may have nobody to bury the dead."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def refusal(done: subprocess.CompletedProcess[str]) -> str:
    """Give the one line of an error; there is never more."""
    assert done.returncode == 1, done
    lines = done.stderr.splitlines()
    assert len(lines) == 1, done.stderr
    return lines[0]


@pytest.mark.slow
def test_a_stack_goes_up_survives_kill_9_and_goes_down(candlewick: CommandLine) -> None:
    up = candlewick("up", "--detach", *candlewick.ports)
    assert up.returncode == 0, up.stderr
    pids = candlewick.state()
    assert set(pids) >= {"kafka", "clickhouse", "exchange", "sink", "candles", "stream", "api"}
    assert candlewick("status").returncode == 0
    assert "already running" in refusal(candlewick("up", *candlewick.ports))
    assert "already running" in refusal(candlewick("up", "--detach", *candlewick.ports))
    assert "nothing was missing" in candlewick("topics", "create").stdout
    assert "up to date" in candlewick("migrate").stdout

    os.kill(pids["stream"], signal.SIGKILL)
    eventually(lambda: candlewick.state().get("stream") not in {None, pids["stream"]})
    left = list(candlewick.state().values())
    os.kill(candlewick.supervisor(), signal.SIGKILL)
    again = candlewick("up", "--detach", *candlewick.ports)
    assert again.returncode == 0, again.stderr
    assert not any(map(runs, left))
    everyone = [*candlewick.state().values(), candlewick.supervisor()]

    assert candlewick("down").stdout == "stopped\n"
    assert not any(map(runs, everyone))
    assert candlewick("status").returncode == 1
    assert _no_password_in_logs(candlewick.folder)


@pytest.mark.timeout(600)
def test_the_demo_shows_moving_candles_opens_the_page_and_leaves_nothing_behind(
    candlewick: CommandLine,
) -> None:
    opened, browser = candlewick.folder / "opened", candlewick.folder / "browser"
    browser.write_text(
        f"#!{sys.executable}\nimport pathlib, sys, urllib.request\n"
        "page = urllib.request.urlopen(sys.argv[1]).read().decode()\n"
        f"with pathlib.Path({str(opened)!r}).open('a') as file: file.write(sys.argv[1] + page)\n"
    )
    browser.chmod(0o700)

    with candlewick.in_terminal("demo", "--open", *candlewick.ports, BROWSER=str(browser)) as demo:
        demo.read_until("BTCUSDT", " left", "complete")
        eventually(lambda: demo.read_some() and opened.exists())
        demo.process.send_signal(signal.SIGINT)
        demo.read_all()

    assert demo.process.returncode == 0, demo.shown
    assert "Traceback" not in demo.shown
    assert not candlewick.state()
    page = f"http://127.0.0.1:{candlewick.environment['CANDLEWICK_API__PORT']}"
    assert opened.read_text().startswith(f"{page}<!doctype html>")
    assert opened.read_text().count(page) == 1


def test_the_demo_ends_by_itself_after_so_many_seconds(candlewick: CommandLine) -> None:
    shown = candlewick("demo", "--seconds", "1", *candlewick.ports)

    assert shown.returncode == 0, shown.stderr
    assert "BTCUSDT" in shown.stdout
    assert not candlewick.state()


def test_a_taken_port_is_one_line_that_names_the_flag(candlewick: CommandLine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        taken = str(holder.getsockname()[1])
        done = candlewick("up", *candlewick.ports, "--clickhouse-port", taken)

    assert f"port {taken} for clickhouse is taken" in refusal(done)
    assert "--clickhouse-port" in refusal(done)


def test_a_registry_that_does_not_answer_is_one_line(candlewick: CommandLine) -> None:
    empty = {"XDG_CACHE_HOME": str(candlewick.folder / "cache")}
    nowhere = {"HTTPS_PROXY": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}

    said = refusal(candlewick("up", *candlewick.ports, **empty, **nowhere))

    assert "repo.maven.apache.org does not answer" in said


@pytest.mark.parametrize(
    ("arguments", "variables", "part"),
    [
        (("up",), {"CANDLEWICK_SYMBOLS": "b!"}, "CANDLEWICK_SYMBOLS"),
        (("up",), {"CANDLEWICK_KAFKA__PARTITION": "3"}, "CANDLEWICK_KAFKA__PARTITIONS"),
        (("run", "nothing"), {}, "choose one of kafka"),
        (("logs", "nothing"), {}, "candlewick up"),
        (("migrate",), {"CANDLEWICK_CLICKHOUSE__URL": "http://127.0.0.1:9"}, "CLICKHOUSE__URL"),
    ],
)
def test_errors_are_one_line_that_says_what_to_do(
    candlewick: CommandLine, arguments: tuple[str, ...], variables: dict[str, str], part: str
) -> None:
    assert part in refusal(candlewick(*arguments, **variables))


def _no_password_in_logs(folder: Path) -> bool:
    lines = (folder / "credentials").read_text().splitlines()
    passwords = [line.split("=", 1)[1] for line in lines]
    texts = [path.read_text(errors="replace") for path in (folder / "logs").glob("*.log*")]
    return not any(password in text for password in passwords for text in texts)
