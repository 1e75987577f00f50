"""Everything twice on three brokers, each process with a folder of its own, as on many machines."""

import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx
from clickhouse_connect.driver.client import Client

from candlewick.stack.environment import environment_of
from candlewick.stack.parent_death import leashed
from candlewick.stack.ports import free_port
from candlewick.stack.programs import PYTHON
from candlewick.store.admin import apply_migrations
from schemas.settings import DEFAULT_SYMBOLS, Settings
from tests.brokers.cluster import Cluster, running_cluster
from tests.support.servers import RunningClickHouse, running_clickhouse, running_exchange
from tests.support.stack import Stack

SYMBOLS: Final = DEFAULT_SYMBOLS
COMMANDS: Final = {
    "stream": ("producers", "stream"),
    "backfill": ("producers", "backfill"),
    **{
        f"{kind}-{n}": (*words, f"{kind}-{n}")
        for n in (1, 2)
        for kind, words in {
            "worker": ("processors", "worker", "--name"),
            "predictor": ("processors", "predictor", "--name"),
            "sink": ("sinks", "--part", "live", "--instance"),
            "history": ("sinks", "--part", "history", "--instance"),
        }.items()
    },
    "api-1": ("api",),
    "api-2": ("api",),
}
_STOP_S: Final = 60.0


@dataclass(slots=True)
class World(Stack):
    """What runs, read by the judge of chaos as it reads a local stack.

    Attributes:
        left: How often each process has ended by itself and was started again.
    """

    cluster: Cluster = field(kw_only=True)
    store: RunningClickHouse = field(kw_only=True)
    settings: Settings = field(kw_only=True)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    left: Counter[str] = field(default_factory=Counter)

    @property
    def bootstrap(self) -> str:
        return self.cluster.settings.bootstrap_servers

    @contextmanager
    def client(self) -> Iterator[Client]:
        with self.store.client(database="candlewick") as client:
            yield client

    def start(self, name: str) -> None:
        """Start a process, over what its folder has."""
        api = self.settings.api.model_copy(update={"port": self.ports.get(name, 8000)})
        own = self.settings.model_copy(update={"data_dir": self.folder / name, "api": api})
        with (self.folder / f"{name}.log").open("ab") as log:
            command = leashed([*PYTHON, *COMMANDS[name]])
            self.processes[name] = subprocess.Popen(
                command, env=environment_of(own), stdout=log, stderr=log
            )

    def kill(self, name: str) -> None:
        """kill -9; it stays dead until `start`."""
        process = self.processes.pop(name)
        process.kill()
        process.wait()

    def stop(self, name: str) -> None:
        """SIGTERM: it finishes what it has begun."""
        process = self.processes.pop(name)
        process.terminate()
        process.wait(_STOP_S)

    def start_again_what_left(self) -> None:
        """Start what has ended by itself, as every supervisor does, and count it."""
        for name, process in list(self.processes.items()):
            if process.poll() is not None:
                self.left[name] += 1
                self.start(name)

    def answers(self) -> bool:
        """Return whether a client that asks the other API when one does not answer is answered."""
        return self._answers("api-1") or self._answers("api-2")

    def _answers(self, name: str) -> bool:
        url = f"http://127.0.0.1:{self.ports[name]}/predict"
        try:
            return httpx.get(url, params={"symbol": self.symbols[0]}, timeout=2).is_success
        except httpx.HTTPError:
            return False

    def logs(self) -> str:
        """The last lines of every log."""
        logs = sorted(self.folder.glob("*.log"))
        return "\n".join(f"== {log.name}\n{log.read_text()[-1500:]}" for log in logs)


@contextmanager
def running_world(folder: Path, *, rate: float) -> Iterator[World]:
    """Three brokers, the pipeline twice, one ClickHouse and one simulated exchange."""
    with ExitStack() as stack:
        cluster = stack.enter_context(running_cluster(folder))
        store = stack.enter_context(running_clickhouse(folder / "clickhouse"))
        exchange = stack.enter_context(
            running_exchange(rate=rate, symbols=",".join(SYMBOLS), recorded=False)
        )
        settings = Settings.model_validate(
            {
                "symbols": SYMBOLS,
                "kafka": cluster.settings,
                "clickhouse": store.settings,
                "binance": {
                    "stream_url": exchange.ws_url,
                    "rest_url": exchange.http_url,
                    "archive_url": exchange.http_url,
                },
                "backfill": {"since": "2d"},  # with less than 28 h a predictor waits for more
                "sinks": {"trades_linger_ms": 500, "live_linger_ms": 500},
            }
        )
        apply_migrations(settings.clickhouse)
        ports = {"exchange": exchange.port, "api-1": free_port(), "api-2": free_port()}
        ports["api"] = ports["api-1"]
        world = World(folder, ports, {}, SYMBOLS, cluster=cluster, store=store, settings=settings)
        try:
            for name in COMMANDS:
                world.start(name)
            yield world
        finally:
            for name in list(world.processes):
                world.kill(name)
