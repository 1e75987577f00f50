"""The whole stack as `candlewick up` starts it, over a folder and ports of its own."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import clickhouse_connect
import httpx
from clickhouse_connect.driver.client import Client

from candlewick.stack.credentials import load
from candlewick.stack.ports import free_port

CANDLEWICK = str(Path(sys.executable).with_name("candlewick"))
SERVERS = ("kafka", "clickhouse", "exchange", "api")
PATIENCE_S = 90.0
# Since the first minute of each symbol, which begins in its middle: is each the exchange's?
_AUDIT = """
SELECT symbol, toString(open_time), toString(result), toString(differs)
FROM audit
WHERE interval = '1m' AND open_time >
    (SELECT max(first) FROM
        (SELECT min(open_time) AS first FROM candles WHERE interval = '1m' GROUP BY symbol))
  AND toUnixTimestamp64Milli(open_time) < {until_ms:Int64}
"""
_NEWEST = """
SELECT toUnixTimestamp64Milli(min(newest)) FROM
(
    SELECT max(close_time) AS newest FROM candles
    WHERE interval = '1m' AND symbol IN {symbols:Array(String)} GROUP BY symbol
)
HAVING count() = {many:UInt32}
"""


@dataclass(slots=True)
class Stack:
    """A running stack."""

    folder: Path
    ports: dict[str, int]
    environment: dict[str, str]
    symbols: tuple[str, ...]
    workers: int = 1

    @property
    def bootstrap(self) -> str:
        return f"127.0.0.1:{self.ports['kafka']}"

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `candlewick` with these arguments."""
        return subprocess.run(
            [CANDLEWICK, *arguments],
            env=self.environment,
            cwd=self.folder.parent,
            capture_output=True,
            text=True,
            check=False,
            timeout=180,
        )

    def up(self) -> subprocess.CompletedProcess[str]:
        """Start it, or start it again over the same folder."""
        flags = [
            text for name, port in self.ports.items() for text in (f"--{name}-port", str(port))
        ]
        return self("up", "--detach", "--workers", str(self.workers), *flags)

    def get(self, path: str) -> httpx.Response:
        """Ask the API."""
        return httpx.get(f"http://127.0.0.1:{self.ports['api']}{path}", timeout=20)

    def admin(self, method: str, path: str, body: object = None) -> httpx.Response:
        """Ask the simulated exchange for something that no exchange does."""
        url = f"http://127.0.0.1:{self.ports['exchange']}/admin/{path}"
        return httpx.request(method, url, json=body, timeout=20).raise_for_status()

    @contextmanager
    def client(self) -> Iterator[Client]:
        """ClickHouse, as the reader."""
        password = load(self.folder / "credentials").reader_password
        with clickhouse_connect.get_client(
            host="127.0.0.1",
            port=self.ports["clickhouse"],
            username="reader",
            password=password,
            database="candlewick",
        ) as client:
            yield client

    def rows(self, query: str, **bound: object) -> list[tuple[object, ...]]:
        """The rows of a query."""
        with self.client() as client:
            return [tuple(row) for row in client.query(query, bound).result_rows]

    def pid(self, name: str) -> int:
        """The number of a process."""
        return int(self.states()[name]["identity"]["pid"])

    def supervisor(self) -> int:
        """The number of the process that keeps the others running."""
        raw = json.loads((self.folder / "run" / "state.json").read_text())
        return int(raw["supervisor"]["pid"])

    def states(self) -> dict[str, dict[str, object]]:  # type: ignore[type-arg]
        """Every process as the supervisor last wrote it."""
        raw = json.loads((self.folder / "run" / "state.json").read_text())
        return {process["name"]: process for process in raw["processes"]}

    def wrong_candles(self, *, until_ms: int) -> list[tuple[object, ...]]:
        """Candles that are not the exchange's, field by field, or that say less than all."""
        rows = self.rows(_AUDIT, until_ms=until_ms)
        return [row for row in rows if row[2] != "verified"]

    def wait_for_candles(self, *, until_ms: int) -> None:
        """Wait until every symbol has the minute that ends then, by this machine's clock."""
        ahead_s = max(0.0, until_ms / 1000 - time.time())

        def reached() -> bool:
            bound = {"symbols": list(self.symbols), "many": len(self.symbols)}
            found = self.rows(_NEWEST, **bound)
            return bool(found) and int(str(found[0][0])) >= until_ms

        eventually(reached, self.logs, within_s=ahead_s + PATIENCE_S)

    def is_healthy(self) -> bool:
        """Whether the health check is green."""
        return self._is_ok("/healthcheck")

    def predicts(self) -> bool:
        """Whether every symbol has a prediction of the open candle."""
        return all(self._is_ok(f"/predict?symbol={symbol}") for symbol in self.symbols)

    def _is_ok(self, path: str) -> bool:
        try:
            return self.get(path).status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False

    def logs(self) -> str:
        """The last lines of every log."""
        logs = sorted((self.folder / "logs").glob("*.log"))
        return "\n".join(f"== {log.name}\n{log.read_text()[-1500:]}" for log in logs)

    def traces(self) -> list[str]:
        """The logs with a trace of an error that nobody caught, however long ago."""
        logs = sorted((self.folder / "logs").glob("*.log*"))
        return [log.name for log in logs if "Traceback" in log.read_text(errors="replace")]


@contextmanager
def running_stack(
    folder: Path, *, symbols: tuple[str, ...], workers: int = 1, **settings: str
) -> Iterator[Stack]:
    """A stack that is up; it is down when the block is left.

    Args:
        folder: Its data folder is made in it.
        symbols: What it follows.
        workers: How many candle workers it has.
        settings: More settings; `api__stale_s="9"` is CANDLEWICK_API__STALE_S.
    """
    ports = {name: free_port() for name in SERVERS}
    clean = {k: v for k, v in os.environ.items() if not k.startswith("CANDLEWICK_")}
    environment = clean | {
        "CANDLEWICK_DATA_DIR": str(folder / "stack"),
        "CANDLEWICK_SYMBOLS": ",".join(symbols),
        "CANDLEWICK_BACKFILL__SINCE": "1d",
        **{f"CANDLEWICK_{name.upper()}": value for name, value in settings.items()},
    }
    stack = Stack(folder / "stack", ports, environment, symbols, workers)
    (folder / "stack").mkdir(parents=True, exist_ok=True)
    try:
        up = stack.up()
        assert up.returncode == 0, up.stderr + stack.logs()
        yield stack
    finally:
        stack("down")


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    """A process that stands still while the block runs."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def eventually(
    true: Callable[[], bool], tell: Callable[[], object] = str, *, within_s: float = PATIENCE_S
) -> None:
    """Wait until it is so."""
    deadline = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < deadline, tell()
        time.sleep(0.25)
