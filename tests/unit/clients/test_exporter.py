import json
import socket
import threading
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from prometheus_client import CollectorRegistry, Counter

from clients.watching import exporter
from clients.watching.exporter import serve_metrics
from schemas.settings import MetricsSettings, Settings


@pytest.fixture
def registry() -> CollectorRegistry:
    found = CollectorRegistry()
    Counter("candlewick_examples_total", "Examples.", registry=found).inc(3)
    return found


def settings_of(folder: Path, port: int | str | None) -> Settings:
    metrics = MetricsSettings.model_validate({"port": port})
    return Settings.model_construct(metrics=metrics, data_dir=folder)


def test_metrics_are_served_on_a_free_port_which_prometheus_finds_in_a_file(
    registry: CollectorRegistry, tmp_path: Path
) -> None:
    port = serve_metrics(settings_of(tmp_path, 0), "sink", registry)

    told = json.loads((tmp_path / "metrics" / "sink.json").read_text())
    assert told == [{"targets": [f"127.0.0.1:{port}"], "labels": {"process": "sink"}}]
    answer = httpx.get(f"http://127.0.0.1:{port}/metrics")
    assert "candlewick_examples_total 3.0" in answer.text


def test_two_processes_with_the_same_port_are_both_served(
    registry: CollectorRegistry, tmp_path: Path
) -> None:
    first = serve_metrics(settings_of(tmp_path, 0), "sink", registry)
    second = serve_metrics(settings_of(tmp_path, first), "sink-2", registry)

    assert second is not None
    assert second != first
    for port in (first, second):
        assert httpx.get(f"http://127.0.0.1:{port}/metrics").is_success


def test_nothing_is_served_while_it_is_off(registry: CollectorRegistry, tmp_path: Path) -> None:
    before = set(threading.enumerate())

    assert serve_metrics(settings_of(tmp_path, "off"), "sink", registry) is None
    assert not set(threading.enumerate()) - before
    assert not (tmp_path / "metrics").exists()


def test_a_folder_that_cannot_be_written_keeps_nobody_from_serving(
    registry: CollectorRegistry, tmp_path: Path
) -> None:
    (tmp_path / "metrics").write_text("a file in its place")

    port = serve_metrics(settings_of(tmp_path, 0), "sink", registry)

    assert httpx.get(f"http://127.0.0.1:{port}/metrics").is_success


def test_a_client_that_never_ends_its_request_keeps_nobody_else_waiting(
    registry: CollectorRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporter, "ANSWER_S", 0.5)
    port = serve_metrics(settings_of(tmp_path, 0), "sink", registry)
    served = threading.Event()

    def drip(line: socket.socket) -> None:
        with suppress(OSError):  # it is cut off
            while not served.wait(0.05):
                line.send(b"x")

    with socket.create_connection(("127.0.0.1", port or 0)) as line:
        line.send(b"GET /")
        dripping = threading.Thread(target=drip, args=[line], daemon=True)
        dripping.start()
        try:
            assert httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=10).is_success
        finally:
            served.set()
            dripping.join()


@pytest.mark.parametrize("port", ["-1", "65536", "some", "1.5", True])
def test_what_is_no_port_is_refused_in_words(port: object) -> None:
    with pytest.raises(ValueError, match="write a number, 0 for any free one, or off"):
        MetricsSettings.model_validate({"port": port})
