"""The package as others get it: a wheel in an empty environment, run from a folder of its own."""

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from candlewick.stack.ports import free_port

ROOT = Path(__file__).parents[2]
UV = Path(sys.executable).with_name("uv")
DEADLINE_S = 600.0
PORTS = ("--kafka-port", "--clickhouse-port", "--exchange-port", "--api-port")
READER = """
from itertools import islice

import candlewick

with candlewick.subscribe("market.candles-live.v1", symbols=["BTCUSDT"]) as candles:
    for candle in islice(candles, 3):
        print(candle.symbol, candle.close_e8 > 0)
with candlewick.connect() as store:
    print(store.query("SELECT count() > 0 FROM candles_best").result_rows)
print(candlewick.__file__)
"""


@dataclass(frozen=True, slots=True)
class Installed:
    """An environment that holds the wheel, what it asks for, and nothing else."""

    folder: Path
    elsewhere: Path

    @property
    def environment(self) -> dict[str, str]:
        """As after a login: no variable that would lead Python back into this repository."""
        unwanted = ("CANDLEWICK_", "PYTHON", "VIRTUAL_ENV", "COV")
        kept = {k: v for k, v in os.environ.items() if not k.startswith(unwanted)}
        return kept | {"PATH": "/usr/local/bin:/usr/bin:/bin"}

    def start(self, program: str, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [str(self.folder / "bin" / program), *arguments],
            cwd=self.elsewhere,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, program: str, *arguments: str) -> str:
        process = self.start(program, *arguments)
        said, failed = process.communicate(timeout=DEADLINE_S)
        assert process.returncode == 0, failed
        return said


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    folder = tmp_path_factory.mktemp("wheel")
    environment, elsewhere = folder / "environment", folder / "elsewhere"
    elsewhere.mkdir()
    uv("build", "--wheel", "--out-dir", str(folder), str(ROOT))  # as `make wheel` does
    (wheel,) = folder.glob("*.whl")
    uv("venv", "--python", sys.executable, str(environment))
    uv("pip", "install", "--python", str(environment), str(wheel))
    return Installed(environment, elsewhere)


def uv(*arguments: str) -> None:
    command = [str(UV), "--quiet", *arguments]
    subprocess.run(command, check=True, cwd=ROOT.parent, timeout=DEADLINE_S)


def is_ready(elsewhere: Path) -> bool:
    try:
        state = json.loads((elsewhere / ".candlewick/run/state.json").read_text())
    except (FileNotFoundError, ValueError):
        return False
    return bool(state["ready"])


@pytest.mark.slow
def test_an_installed_wheel_runs_the_demo_and_is_read_from_python(installed: Installed) -> None:
    ports = [word for option in PORTS for word in (option, str(free_port()))]
    demo = installed.start("candlewick", "demo", "--seconds", "60", *ports)
    try:
        deadline = time.monotonic() + DEADLINE_S
        while not is_ready(installed.elsewhere):
            assert demo.poll() is None, demo.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.2)
        read = installed.run("python", "-c", READER).splitlines()
        shown, failed = demo.communicate(timeout=DEADLINE_S)
    except BaseException:
        demo.terminate()  # it ends its processes first
        demo.communicate(timeout=DEADLINE_S)
        raise

    assert read[:3] == ["BTCUSDT True"] * 3
    assert read[3] == "[(1,)]"
    assert Path(read[4]).is_relative_to(installed.folder)
    assert demo.returncode == 0, failed
    assert "BTCUSDT" in shown
    assert "Traceback" not in shown + failed
    assert [p for p in psutil.process_iter() if str(installed.folder) in words_of(p)] == []


def words_of(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


@pytest.mark.slow
def test_the_wheel_brings_what_its_requirements_need_and_no_more_folders(
    installed: Installed,
) -> None:
    listed = "import importlib.metadata as m; print(*(f.parts[0] for f in m.files('candlewick')))"

    uv("pip", "check", "--python", str(installed.folder))
    folders = set(installed.run("python", "-c", listed).split())

    ours = {name for name in folders if not name.endswith(".dist-info") and name != ".."}
    assert ours == {
        "api", "candlewick", "clients", "grafana", "processors", "producers", "schemas", "sinks",
    }  # fmt: skip
