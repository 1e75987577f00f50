"""The simulated exchange as a process of its own, on a free port."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import httpx

STOP_DEADLINE_S = 60.0
Option = str | float | bool | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RunningExchange:
    """A simulated Binance that answers."""

    port: int
    process: subprocess.Popen[str]

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def http_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    def get(self, path: str, **params: str | int) -> httpx.Response:
        """GET a path with query parameters."""
        return httpx.get(f"{self.http_url}{path}", params=params, timeout=30)

    def admin(self, method: str, path: str, body: Mapping[str, object] | None = None) -> object:
        """Call `/admin/<path>` and return its JSON; a refusal is an error."""
        url = f"{self.http_url}/admin/{path}"
        answer = httpx.request(method, url, json=body, timeout=30)
        answer.raise_for_status()
        return answer.json()


@contextmanager
def running_exchange(**options: Option) -> Iterator[RunningExchange]:
    """A simulated exchange on a free port.

    Options are those of `python -m candlewick.exchange`, with `_` for `-`: `speed=60`,
    `recorded=False` (`--no-recorded`), `fault=("drop:probability=0.1", "cut:every_ms=500")`.
    """
    command = [sys.executable, "-m", "candlewick.exchange", "--port", "0", *_flags(options)]
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=said, text=True)
        try:
            yield RunningExchange(_port(process, said), process)
        finally:
            _stop(process)


def _flags(options: Mapping[str, Option]) -> list[str]:
    flags: list[str] = []
    for name, value in options.items():
        flag = name.replace("_", "-")
        if isinstance(value, bool):
            flags.append(f"--{flag}" if value else f"--no-{flag}")
            continue
        for one in value if isinstance(value, tuple) else (value,):
            flags += [f"--{flag}", str(one)]
    return flags


def _port(process: subprocess.Popen[str], said: "tempfile._TemporaryFileWrapper[str]") -> int:
    line = process.stdout.readline() if process.stdout else ""
    if not line:
        process.wait()
        said.seek(0)
        raise RuntimeError(f"the exchange did not start: {said.read()}")
    return int(line.rstrip().rpartition(":")[2])


def _stop(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(STOP_DEADLINE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise
    finally:
        if process.stdout:
            process.stdout.close()
