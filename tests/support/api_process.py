"""A real API process for tests, over a real Kafka and a real ClickHouse."""

import itertools
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from candlewick.store.admin import apply_migrations
from schemas.settings import ClickHouseSettings
from tests.support.servers import RunningClickHouse, RunningKafka, free_port

START_DEADLINE_S = 60.0
STOP_DEADLINE_S = 15.0


@dataclass(frozen=True, slots=True)
class RunningApi:
    """An API process."""

    url: str
    folder: Path
    process: subprocess.Popen[bytes]

    def client(self, **headers: str) -> httpx.Client:
        """An HTTP client of it."""
        return httpx.Client(base_url=self.url, headers=headers, timeout=30)

    def token(self, name: str, password: str) -> str:
        """Sign in."""
        form = {"username": name, "password": password}
        answer = httpx.post(f"{self.url}/v1/token", data=form, timeout=30).raise_for_status()
        return str(answer.json()["access_token"])

    def log(self) -> str:
        """What it wrote."""
        return (self.folder / "api.log").read_text()


@contextmanager
def running_api(
    folder: Path,
    kafka: RunningKafka,
    clickhouse: RunningClickHouse,
    environment: Mapping[str, str] | None = None,
    **settings: str,
) -> Iterator[RunningApi]:
    """An API on a free port; `settings` are those of its group, in capitals."""
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    variables = os.environ | {
        "CANDLEWICK_KAFKA__BOOTSTRAP_SERVERS": kafka.bootstrap,
        "CANDLEWICK_CLICKHOUSE__URL": clickhouse.url,
        "CANDLEWICK_CLICKHOUSE__READER_USER": clickhouse.reader,
        "CANDLEWICK_CLICKHOUSE__READER_PASSWORD": clickhouse.reader_password,
        "CANDLEWICK_SYMBOLS": "BTCUSDT,ETHUSDT",
        "CANDLEWICK_DATA_DIR": str(folder),
        "CANDLEWICK_API__PORT": str(port),
        "CANDLEWICK_API__REQUESTS_PER_MINUTE": "0",  # tests ask without a pause until it is so
        **{f"CANDLEWICK_API__{name}": value for name, value in settings.items()},
        **(environment or {}),
    }
    with (folder / "api.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "api"], env=variables, stdout=log, stderr=subprocess.STDOUT
        )
    api = RunningApi(f"http://127.0.0.1:{port}", folder, process)
    try:
        _wait_until_ready(api)
        yield api
    finally:
        process.terminate()
        try:
            process.wait(STOP_DEADLINE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def until_refused(ask: Callable[[int], httpx.Response], *, a_minute: int) -> httpx.Response:
    """Ask until the requests of a minute are used up, and return the refusal.

    Args:
        ask: Makes the request of this number.
        a_minute: So many pass at once, and more only as time goes by.
    """
    began_s = time.monotonic()
    for passed in itertools.count():
        answer = ask(passed)
        if answer.status_code == httpx.codes.TOO_MANY_REQUESTS:
            more = (time.monotonic() - began_s) * a_minute / 60
            assert a_minute <= passed <= a_minute + 1 + more
            return answer
        assert answer.is_success, answer.text
    raise AssertionError("counting does not end")


def migrated(clickhouse: RunningClickHouse) -> None:
    """Make the tables."""
    account = {
        "url": clickhouse.url,
        "user": clickhouse.user,
        "password": clickhouse.password,
    }
    apply_migrations(ClickHouseSettings.model_validate(account))


def _wait_until_ready(api: RunningApi) -> None:
    deadline = time.monotonic() + START_DEADLINE_S
    while time.monotonic() < deadline and api.process.poll() is None:
        try:
            if httpx.get(f"{api.url}/readyz", timeout=5).is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    raise RuntimeError(f"the API did not start: {api.log()[-3000:]}")
