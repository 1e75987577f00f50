"""A whole stack, watched: every process serves its metrics, a Prometheus asks for them."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import yaml

from candlewick.stack.ports import free_port
from grafana.boards import boards
from grafana.provisioning_file import plain_one
from tests.support import debian
from tests.support.stack import Stack, eventually, running_stack

ROOT = Path(__file__).parents[2]
PROCESSES = {
    *("stream", "backfill", "coins", "candles", "predictor", "trainer"),
    *("sink", "sink-history", "api", "supervisor"),
}
# What each must have said once the stack runs; the rest needs a fault or days.
SAID = {
    "stream": ("candlewick_stream_trades_total", "candlewick_exchange_clock_offset_seconds"),
    "candles": ("candlewick_trade_delay_seconds_count", "candlewick_candles_closed_total"),
    "sink": ("candlewick_sink_rows_total", "candlewick_trade_delay_seconds_count"),
    "predictor": ("candlewick_last_progress_timestamp_seconds",),
    "api": ("candlewick_healthy", "candlewick_group_members"),
    "supervisor": ("candlewick_process_running", "candlewick_disk_free_bytes"),
}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("watched")
    with running_stack(folder, symbols=("BTCUSDT", "ETHUSDT"), log_format="json") as running:
        eventually(lambda: set(targets(running)) == PROCESSES, running.logs)
        yield running


@pytest.fixture(scope="module")
def prometheus(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Prometheus with our scrape file, which asks more often."""
    program = debian.program(lambda: shutil.which("prometheus"), "prometheus")
    folder = tmp_path_factory.mktemp("prometheus")
    text = (ROOT / "grafana" / "prometheus.yml").read_text()
    text = text.replace("../.candlewick", str(stack.folder)).replace("15s", "1s")
    (folder / "prometheus.yml").write_text(text)
    with running_prometheus(program, folder) as url:
        yield url


@contextmanager
def running_prometheus(program: str, folder: Path) -> Iterator[str]:
    port = free_port()
    command = [
        program,
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)


def targets(stack: Stack) -> dict[str, str]:
    """Where each process serves its metrics."""
    files = (stack.folder / "metrics").glob("*.json")
    told = [entry for file in files for entry in json.loads(file.read_text())]
    return {entry["labels"]["process"]: entry["targets"][0] for entry in told}


def metrics_of(stack: Stack, process: str) -> str:
    return httpx.get(f"http://{targets(stack)[process]}/metrics", timeout=20).text


def test_every_process_serves_what_prometheus_reads_and_its_linter_takes(stack: Stack) -> None:
    promtool = debian.program(lambda: shutil.which("promtool"), "prometheus")
    config = [promtool, "check", "config", str(ROOT / "grafana" / "prometheus.yml")]

    subprocess.run(config, check=True, capture_output=True)
    for process in PROCESSES:
        text = metrics_of(stack, process)
        linted = subprocess.run(
            [promtool, "check", "metrics"], input=text, capture_output=True, text=True, check=False
        )
        assert (linted.returncode, linted.stderr) == (0, ""), process
        assert "process_resident_memory_bytes" in text


@pytest.mark.parametrize("process", SAID)
def test_a_process_tells_what_it_has_done(stack: Stack, process: str) -> None:
    def is_said() -> bool:
        text = metrics_of(stack, process)
        return all(
            re.search(rf"^{name}({{.*}})? (?!0\.0$)", text, re.MULTILINE) for name in SAID[process]
        )

    eventually(is_said, lambda: metrics_of(stack, process))


def test_a_prometheus_finds_all_processes_and_answers_every_panel(
    stack: Stack, prometheus: str
) -> None:
    def asked(query: str) -> httpx.Response:
        return httpx.get(f"{prometheus}/api/v1/query", params={"query": query}, timeout=20)

    def all_up() -> bool:
        try:
            answer = asked("up == 1")
        except httpx.HTTPError:
            return False
        found = answer.json()["data"]["result"] if answer.is_success else ()  # it may be starting
        return {one["metric"]["process"] for one in found} == PROCESSES

    eventually(all_up, stack.logs)
    for panel in plain_one(boards()["processes"])["panels"]:  # type: ignore[attr-defined]
        for target in panel.get("targets", ()):
            query = target["expr"].replace("$__rate_interval", "1m").replace("$__range", "1h")
            assert asked(query).json()["status"] == "success", query


def test_every_line_of_our_processes_is_an_object_with_an_event(stack: Stack) -> None:
    for process in PROCESSES:
        for line in (stack.folder / "logs" / f"{process}.log").read_text().splitlines():
            told = json.loads(line)
            assert told.keys() >= {"time", "level", "process", "event", "message"}, line
            assert told["process"] == process


def test_status_promises_nothing_of_the_disk_before_trades_tell_how_it_fills(stack: Stack) -> None:
    told = json.loads(stack("status", "--json").stdout)

    assert told["disk_full_days"] is None
    assert "how long the disk lasts is not known yet" in stack("status").stdout


def test_the_compose_files_prometheus_asks_every_process_that_the_file_starts() -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    scrape = yaml.safe_load(compose["configs"]["scrape"]["content"])
    asked = scrape["scrape_configs"][0]["dns_sd_configs"][0]
    ours = {
        name
        for name, service in compose["services"].items()
        if service["image"].startswith("candlewick") and name != "init"
    }

    assert set(asked["names"]) == ours
    for name in ours:
        environment = compose["services"][name]["environment"]
        assert environment["CANDLEWICK_METRICS__PORT"] == asked["port"]
        assert environment["CANDLEWICK_METRICS__HOST"] == "0.0.0.0"  # noqa: S104 - in a container
