"""The whole stack over a disk that fills up: it rests, comes back, and its candles are right."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import clickhouse_connect
import pytest

from candlewick.stack.credentials import load
from candlewick.stack.ports import free_port
from tests.support.small_disk import fill, small_disk

CANDLEWICK = str(Path(sys.executable).with_name("candlewick"))
SERVERS = ("kafka", "clickhouse", "exchange", "api")
PATIENCE_S = 150.0
# Since our first minute, which begins in its middle: is each minute the exchange's?
RESULTS = """
SELECT symbol, toString(open_time), toString(result), toString(differs)
FROM audit
WHERE interval = '1m'
  AND open_time > (SELECT min(open_time) FROM candles WHERE interval = '1m')
  AND open_time <= (SELECT max(open_time) FROM audit WHERE interval = '1m' AND result = 'verified')
"""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", mb=1200) as place:
        yield place


def eventually(true: Callable[[], bool], tell: Callable[[], object] = str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < deadline, tell()
        time.sleep(0.2)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_stack_whose_disk_was_full_comes_back_by_itself_with_every_candle(disk: Path) -> None:
    folder = disk / "stack"
    ports = {name: free_port() for name in SERVERS}
    environment = {
        **os.environ,
        "CANDLEWICK_DATA_DIR": str(folder),
        "CANDLEWICK_SYMBOLS": "BTCUSDT,DOTUSDT",
        "CANDLEWICK_BACKFILL__SINCE": "1d",
    }

    def candlewick(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [CANDLEWICK, *arguments],
            env=environment,
            cwd=disk,
            capture_output=True,
            text=True,
            check=False,
            timeout=180,
        )

    def results() -> list[tuple[str, ...]]:
        with clickhouse_connect.get_client(
            host="127.0.0.1",
            port=ports["clickhouse"],
            username="reader",
            password=load(folder / "credentials").reader_password,
            database="candlewick",
        ) as client:
            return [tuple(map(str, row)) for row in client.query(RESULTS).result_rows]

    def wrong() -> list[tuple[str, ...]]:
        return [row for row in results() if row[2] != "verified"]

    def phases() -> set[str]:
        raw = json.loads((folder / "run" / "state.json").read_text())
        return {process["phase"] for process in raw["processes"]}

    flags = [text for name, port in ports.items() for text in (f"--{name}-port", str(port))]
    up = candlewick("up", "--detach", *flags)
    try:
        assert up.returncode == 0, up.stderr
        eventually(lambda: len(results()) >= 2)
        before = len(results())

        ballast = fill(disk)
        eventually(lambda: phases() == {"waiting for room on the disk"})
        assert candlewick("status").returncode == 1
        ballast.unlink()
        eventually(lambda: candlewick("status").returncode == 0)
        # Two minutes of two symbols; none since the first is missing, gapped or different.
        eventually(lambda: len(results()) >= before + 4)
        eventually(lambda: not wrong(), wrong)

        said = (folder / "logs" / "supervisor.log").read_text()
        assert "goes on by itself when 500 MB are free" in said
        assert "Traceback" not in said
    finally:
        candlewick("down")
