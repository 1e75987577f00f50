"""Real servers for tests, started in a folder and stopped with the test."""

import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import clickhouse_connect
import httpx
from clickhouse_connect.driver.client import Client

from schemas.settings import ClickHouseSettings
from tests.support.exchange_process import RunningExchange, running_exchange
from tests.support.kafka_process import RunningKafka, running_kafka

__all__ = [
    "RunningClickHouse",
    "RunningExchange",
    "RunningKafka",
    "running_clickhouse",
    "running_exchange",
    "running_kafka",
]
WRITER = ("candlewick", "writer-secret")
READER = ("reader", "reader-secret")
PORTS = range(
    20_000, 32_000
)  # below those that systems give to clients, which take one at any time
START_DEADLINE_S = 120.0  # the engine is half a gigabyte, and the disk may be a slow one
STOP_DEADLINE_S = 60.0


@dataclass(slots=True)
class RunningClickHouse:
    """A ClickHouse server of ours; `process` is replaced by `restart`."""

    path: Path
    port: int
    process: subprocess.Popen[str]
    user: str = WRITER[0]
    password: str = WRITER[1]
    reader: str = READER[0]
    reader_password: str = READER[1]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def settings(self) -> ClickHouseSettings:
        """How our own clients reach it, as the writer and as the reader."""
        return ClickHouseSettings.model_validate(
            {
                "url": self.url,
                "user": self.user,
                "password": self.password,
                "reader_user": self.reader,
                "reader_password": self.reader_password,
            }
        )

    def client(self, **options: object) -> Client:
        """A clickhouse-connect client as the writer, or as `username` and `password` say."""
        account = {"username": self.user, "password": self.password} | options
        return clickhouse_connect.get_client(host="127.0.0.1", port=self.port, **account)

    def http(self) -> httpx.Client:
        """A plain HTTP client as the writer; post SQL to ``/``."""
        return httpx.Client(base_url=self.url, auth=(self.user, self.password), timeout=60)

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()
        self.process.wait()

    def restart(self) -> None:
        """Start again on the same folder and port; stop or kill first."""
        self.process = start_clickhouse(self.path, self.port)
        wait_until_up(self)

    def stop(self) -> int:
        """SIGTERM; gives the exit code."""
        self.process.terminate()
        try:
            return self.process.wait(STOP_DEADLINE_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise


@contextmanager
def running_clickhouse(path: Path, *arguments: str) -> Iterator[RunningClickHouse]:
    """A ClickHouse server on a free port with its data in `path`."""
    port = free_port()
    server = RunningClickHouse(path, port, start_clickhouse(path, port, *arguments))
    try:
        wait_until_up(server)
        yield server
    finally:
        if server.process.poll() is None:
            server.stop()


def start_clickhouse(
    path: Path, port: int, *arguments: str, password: str = WRITER[1]
) -> subprocess.Popen[str]:
    """Start the server's process, without waiting; what it says goes to `path`.log."""
    environment = {
        **os.environ,
        "CANDLEWICK_CLICKHOUSE__USER": WRITER[0],
        "CANDLEWICK_CLICKHOUSE__PASSWORD": password,
        "CANDLEWICK_CLICKHOUSE__READER_USER": READER[0],
        "CANDLEWICK_CLICKHOUSE__READER_PASSWORD": READER[1],
    }
    command = [sys.executable, "-m", "candlewick.clickhouse_server"]
    command += ["--path", str(path), "--port", str(port), *arguments]
    with log_of(path).open("a") as log:
        return subprocess.Popen(
            command, env=environment, stdout=log, stderr=subprocess.STDOUT, text=True
        )


def wait_until_up(server: RunningClickHouse) -> None:
    """Wait for ``/ping``; fails with the server's own words where it ends or hangs."""
    deadline = time.monotonic() + START_DEADLINE_S
    while time.monotonic() < deadline and server.process.poll() is None:
        try:
            if httpx.get(f"{server.url}/ping", timeout=2).text == "Ok.\n":
                return
        except httpx.TransportError:
            time.sleep(0.02)
    raise RuntimeError(f"the ClickHouse server did not start: {log_of(server.path).read_text()}")


def log_of(path: Path) -> Path:
    """Where a server with its data in `path` writes."""
    return path.with_name(path.name + ".log")


def free_port() -> int:
    """A port of loopback that nobody holds now."""
    while True:
        port = secrets.choice(PORTS)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
