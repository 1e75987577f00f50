"""The whole pipeline with its page, over a market that runs fast: candles close in seconds."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from api.accounts.authentication import open_gate
from api.accounts.users import NewUser, Role
from candlewick.stack.parent_death import leashed
from schemas.settings import Settings
from tests.support.pipeline import Pipeline, running_pipeline
from tests.support.servers import free_port

SYMBOLS = ("BTCUSDT", "ETHUSDT")
SPEED = 45.0
ADMIN, PASSWORD = "root", "correct horse battery"
PATIENCE_S = 150.0


@dataclass(slots=True)
class PageStage:
    """What runs; the API can be ended and started again where it was."""

    pipeline: Pipeline
    port: int = field(default_factory=free_port)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """The page's address."""
        return f"http://127.0.0.1:{self.port}"

    def start(self, name: str, *command: str, **settings: str) -> None:
        """Start a process with the pipeline's settings and these of the API's group."""
        more = {f"CANDLEWICK_API__{key}": value for key, value in settings.items()}
        reader = self.pipeline.clickhouse
        more["CANDLEWICK_BACKFILL__SINCE"] = "2d"
        more["CANDLEWICK_HEALTH__STANDS_S"] = "15"
        more["CANDLEWICK_HEALTH__EVERY_S"] = "1"
        more["CANDLEWICK_BACKFILL__INTERVALS"] = "1m"  # what is gapped above it stays so
        more["CANDLEWICK_BINANCE__ARCHIVE_URL"] = self.pipeline.exchange.http_url
        more["CANDLEWICK_CLICKHOUSE__READER_USER"] = reader.reader
        more["CANDLEWICK_CLICKHOUSE__READER_PASSWORD"] = reader.reader_password
        environment = self.pipeline._environment() | more
        with (self.pipeline.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                leashed([sys.executable, "-m", *command]), env=environment, stdout=log, stderr=log
            )

    def start_api(self, name: str = "api", port: int | None = None, **settings: str) -> None:
        """Start an API and wait until it answers."""
        port = port or self.port
        lenient = {"STALE_S": "5", "HEARTBEAT_S": "2", "LOGIN_ATTEMPTS": "50"} | settings
        self.start(name, "api", PORT=str(port), **lenient)
        try:
            eventually(lambda: _answers(f"http://127.0.0.1:{port}/readyz"))
        except AssertionError:
            raise AssertionError(f"the API did not start: {self.pipeline.tail()}") from None

    def end(self, name: str) -> None:
        """End a process and wait for it."""
        process = self.processes.pop(name)
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def running_page(folder: Path) -> Iterator[PageStage]:
    """Exchange, broker, store, pipeline, two days of history, predictor and API with one admin."""
    with running_pipeline(folder, symbols=SYMBOLS, speed=SPEED, rate=2.0) as pipeline:
        stage = PageStage(pipeline)
        try:
            with open_gate(Settings(data_dir=folder)) as gate:
                gate.add([NewUser(ADMIN, Role.ADMIN, PASSWORD)])
            stage.start("backfill", "producers", "backfill")
            stage.start("predictor", "processors", "predictor")
            stage.start_api()
            yield stage
        finally:
            for name in list(stage.processes):
                stage.end(name)


def eventually(true: Callable[[], bool], within_s: float = PATIENCE_S) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + within_s
    while not true():
        if time.monotonic() > deadline:
            raise AssertionError("it did not come to be so in time")
        time.sleep(0.05)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5).is_success
    except httpx.TransportError:
        return False
