"""The health check over real servers: red while data stands still though every process runs."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from api.health.watch import ANSWER_S
from api.live.training_requests import PATIENCE_S, Receipt, Requests
from candlewick.stack.addresses import Addresses
from candlewick.stack.folder import StackFolder
from candlewick.stack.process_identity import Identity
from candlewick.stack.state import Phase, ProcessState, StackState, write_state
from schemas.errors import Transient
from schemas.predictions import TrainingRequest
from tests.support.api_process import RunningApi, migrated, running_api
from tests.support.api_stream import streaming
from tests.support.builders import START_MS
from tests.support.moving_market import MovingMarket
from tests.support.servers import RunningClickHouse, RunningKafka, running_clickhouse, running_kafka

DEADLINE_S = 40.0
FROZEN_S = 8.0
A_REQUEST = TrainingRequest("BTCUSDT", "batch", START_MS, START_MS + 1, "test", START_MS)
QUICK = {"CANDLEWICK_HEALTH__EVERY_S": "0.3", "CANDLEWICK_HEALTH__STANDS_S": "4"}


@dataclass(frozen=True, slots=True)
class Servers:
    folder: Path
    kafka: RunningKafka
    clickhouse: RunningClickHouse


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    folder = tmp_path_factory.mktemp("health")
    with running_clickhouse(folder / "ch") as clickhouse, running_kafka(folder / "k") as kafka:
        migrated(clickhouse)
        yield Servers(folder, kafka, clickhouse)


@pytest.fixture(scope="module")
def api(servers: Servers) -> Iterator[RunningApi]:
    with running_api(
        servers.folder / "api", servers.kafka, servers.clickhouse, QUICK, STALE_S="4"
    ) as running:
        yield running


@contextmanager
def sinking(servers: Servers) -> Iterator[subprocess.Popen[bytes]]:
    """The sinks, a process of their own."""
    environment = os.environ | {
        "CANDLEWICK_KAFKA__BOOTSTRAP_SERVERS": servers.kafka.bootstrap,
        "CANDLEWICK_CLICKHOUSE__URL": servers.clickhouse.url,
        "CANDLEWICK_CLICKHOUSE__USER": servers.clickhouse.user,
        "CANDLEWICK_CLICKHOUSE__PASSWORD": servers.clickhouse.password,
    }
    process = subprocess.Popen([sys.executable, "-m", "sinks"], env=environment)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@contextmanager
def supervised(servers: Servers, process: subprocess.Popen[bytes]) -> Iterator[Callable[[], None]]:
    """A look that starts sinks again once: frozen for long, they may be shut out, and leave."""
    with ExitStack() as again:
        followers: list[subprocess.Popen[bytes]] = []

        def look() -> None:
            if process.poll() is not None and not followers:
                followers.append(again.enter_context(sinking(servers)))

        yield look


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    """A process that is there and does nothing."""
    os.kill(pid, signal.SIGSTOP)
    stopped = psutil.Process(pid)
    eventually(lambda: stopped.status() == psutil.STATUS_STOPPED, stopped.status)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def eventually(holds: Callable[[], bool], seen: Callable[[], object]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not holds():
        assert time.monotonic() < deadline, seen()
        time.sleep(0.05)


def health(api: RunningApi) -> dict[str, Any]:
    with api.client() as client:
        return health_by(client)


def health_by(client: httpx.Client) -> dict[str, Any]:
    answer = client.get("/healthcheck")
    body: dict[str, Any] = answer.json()
    assert answer.status_code == (503 if body["status"] == "down" else 200)
    return body


def wait_for(api: RunningApi, status: str) -> dict[str, Any]:
    """The first answer with this status: the next one may have another."""
    seen: list[dict[str, Any]] = []

    def has_it() -> bool:
        seen.append(health(api))
        return seen[-1]["status"] == status

    eventually(has_it, lambda: seen[-1])
    return seen[-1]


def status(
    servers: Servers, api: RunningApi, sink: subprocess.Popen[bytes]
) -> subprocess.CompletedProcess[str]:
    """`candlewick status --json` of a stack whose processes are these."""
    folder = StackFolder(servers.folder / "stack")
    port = int(api.url.rpartition(":")[2])
    addresses = Addresses(servers.kafka.port, servers.clickhouse.port, None, port)
    processes = tuple(
        ProcessState(name, Phase.RUNNING, Identity.of(pid), restarts=0, last_exit=None)
        for name, pid in (("sink", sink.pid), ("api", api.process.pid))
    )
    with folder.held():
        write_state(
            folder.state,
            StackState(Identity.of(os.getpid()), addresses, ready=True, processes=processes),
        )
        return subprocess.run(
            [sys.executable, "-m", "candlewick", "status", "--json"],
            env=os.environ | {"CANDLEWICK_DATA_DIR": str(folder.root)},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )


def test_a_first_start_is_starting_and_not_down(api: RunningApi) -> None:
    eventually(lambda: health(api)["stored"] is not None, lambda: health(api))
    found = health(api)

    assert found["status"] == "starting", found["reasons"]
    assert "no trades stored yet" in str(found["reasons"])
    assert {row["age_s"] for row in found["stored"]} == {None}


def test_health_is_red_while_data_stands_still_and_green_after(
    servers: Servers, api: RunningApi
) -> None:
    with MovingMarket(servers.kafka.bootstrap), sinking(servers) as sink:
        green = wait_for(api, "ok")
        # A busy machine may fall behind for a moment in between.
        eventually(lambda: status(servers, api, sink).returncode == 0, lambda: health(api))
        with frozen(sink.pid):
            red = wait_for(api, "down")
            said = status(servers, api, sink)
        with supervised(servers, sink) as look:

            def is_green() -> bool:
                look()
                return bool(health(api)["status"] == "ok")

            eventually(is_green, lambda: health(api))

    ages = {(row["table"], row["symbol"]): row["age_s"] for row in green["stored"]}
    # Of trades any symbol's count, of candles each one's.
    assert min(age for (table, _), age in ages.items() if table == "trades" and age is not None) < 4
    assert ages["candles", "ETHUSDT"] is not None
    assert red["parts"]["stream"]["ok"]
    assert red["parts"]["predictions"]["ok"]
    assert not red["parts"]["stored"]["ok"] or not red["parts"]["groups"]["ok"]
    assert any(lag["seconds"] > 1 for lag in red["lag"] if lag["group"] == "candlewick-sinks")
    # The market's clock is this machine's, and its newest message may have waited to be read.
    assert abs(green["clock_offset_ms"]) < DEADLINE_S * 1_000
    assert said.returncode == 1
    told = json.loads(said.stdout)
    assert {process["phase"] for process in told["processes"]} == {"running"}
    assert told["health"]["status"] == "down"


def test_a_broker_that_was_frozen_leaves_the_stream_working(
    servers: Servers, api: RunningApi
) -> None:
    kafka = servers.kafka
    with MovingMarket(kafka.bootstrap), streaming(api, "?kinds=candle-live") as client:
        client.take(4, "candle-live")
        requests = Requests(kafka.settings)
        receipt = requests.send(A_REQUEST)
        began_s = time.monotonic()
        with ThreadPoolExecutor(2) as pool, frozen(kafka.pid):
            asked = [pool.submit(requests.send, A_REQUEST), pool.submit(requests.find, receipt)]
            refusals = [each.exception(DEADLINE_S) for each in asked]
            waited_s = time.monotonic() - began_s
            eventually(lambda: not works(api, "broker"), lambda: health(api))
            red = health(api)
            eventually(lambda: time.monotonic() - began_s > FROZEN_S, lambda: None)
        thawed_ms = time.time_ns() // 1_000_000
        while int(str(client.take(1, "candle-live")[0].data["event_ms"])) < thawed_ms:
            pass
        eventually(
            lambda: works(api, "broker", "listening", "stream", "predictions"), lambda: health(api)
        )

        eventually(lambda: answers(requests, receipt), lambda: "the requests are not answered")

    assert red["status"] == "down"
    assert "Kafka" in str(red["reasons"])
    assert [type(refusal) for refusal in refusals] == [Transient] * 2
    assert waited_s < 2 * PATIENCE_S + 3


def answers(requests: Requests, receipt: Receipt) -> bool:
    try:
        requests.send(A_REQUEST)
        return requests.find(receipt) == A_REQUEST
    except Transient:
        return False


def works(api: RunningApi, *names: str) -> bool:
    parts = health(api)["parts"]
    return all(parts[name]["ok"] for name in names)


def test_many_who_ask_at_once_wait_for_nothing(servers: Servers, api: RunningApi) -> None:
    def took_s(client: httpx.Client) -> float:
        began_s = time.monotonic()
        health_by(client)
        return time.monotonic() - began_s

    with ThreadPoolExecutor(20) as pool, api.client() as client:
        list(pool.map(took_s, [client] * 40))  # making clients and connections is not waiting
        with frozen(servers.clickhouse.pid):
            waits = list(pool.map(took_s, [client] * 40))

    assert max(waits) < ANSWER_S  # who waits for ClickHouse waits that long


def test_no_price_is_told_where_reading_needs_an_account(servers: Servers) -> None:
    with (
        MovingMarket(servers.kafka.bootstrap),
        running_api(
            servers.folder / "closed",
            servers.kafka,
            servers.clickhouse,
            QUICK,
            PUBLIC_READ="false",
        ) as api,
        api.client() as client,
    ):
        eventually(lambda: health(api)["symbols"][0]["fresh"], lambda: health(api))
        said = [client.get(path).text for path in ("/healthcheck", "/readyz", "/metrics")]
        assert client.get("/v1/symbols").status_code == 401

    assert not any("101.00012345" in text for text in said)
