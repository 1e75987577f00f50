"""Counts begin at zero: Prometheus sees an increase between two values only."""

from pathlib import Path

import pytest
from prometheus_client import REGISTRY, CollectorRegistry, Counter

from clients.kafka.dead_letters import DeadLetters
from processors import metrics
from processors.candles.agents import build_app
from processors.candles.state import MADE
from processors.runtime.app import worker_app
from producers.dead_letters import Burial
from producers.trades import publisher
from schemas.settings import KafkaSettings, Settings


def letters(reader: str) -> float | None:
    """How many dead letters of a reader Prometheus is told; None for nothing."""
    return REGISTRY.get_sample_value("candlewick_dead_letters_total", {"reader": reader})


@pytest.mark.parametrize("sender", [DeadLetters, Burial])
def test_dead_letters_are_counted_from_zero_before_the_first(
    sender: type[DeadLetters | Burial],
) -> None:
    reader = f"test of {sender.__name__}"

    assert letters(reader) is None
    sender(KafkaSettings(), reader=reader)
    assert letters(reader) == 0


def test_dead_letters_of_the_stream_are_counted_from_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publisher, "READER", "test of the stream")
    monkeypatch.setattr(publisher, "open_producer", lambda *_, **__: None)
    publisher.Publisher(KafkaSettings())

    assert letters("test of the stream") == 0


def test_dead_letters_of_a_worker_are_counted_from_zero(tmp_path: Path) -> None:
    worker_app("test-of-a-worker", Settings(), name="one", folder=tmp_path)

    assert letters("test-of-a-worker") == 0


def test_revisions_of_the_lengths_that_are_made_are_counted_from_zero(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    registry = CollectorRegistry()
    revised = Counter("revisions_total", "Revisions.", ["interval"], registry=registry)
    monkeypatch.setattr(metrics, "_REVISED", revised)
    build_app(Settings(), name="one", folder=tmp_path)

    found = {
        length: registry.get_sample_value("revisions_total", {"interval": length})
        for length in MADE
    }
    assert found == dict.fromkeys(MADE, 0)
