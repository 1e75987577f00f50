"""`candlewick.subscribe` while a real Kafka is there and does not answer."""

import os
import signal
import time
from pathlib import Path
from typing import Literal

import pytest

import candlewick
from candlewick.client import subscription
from candlewick.client.start_position import PATIENCE_S
from schemas import topics
from tests.support.api_market import a_quarter, say
from tests.support.kafka_process import running_kafka

PATIENCE = 60


def test_a_group_is_left_in_time_while_kafka_is_frozen(tmp_path: Path) -> None:
    with running_kafka(tmp_path / "kafka") as kafka:
        say(kafka, topics.CANDLES, [a_quarter(0)])
        with candlewick.subscribe(
            "market.candles.v1", start="beginning", group="leaves", servers=kafka.bootstrap
        ) as candles:
            assert next(candles) == a_quarter(0)
            os.kill(kafka.pid, signal.SIGSTOP)
            began_s = time.monotonic()
            try:
                candles.close()
                took_s = time.monotonic() - began_s
            finally:
                os.kill(kafka.pid, signal.SIGCONT)

    assert took_s < 2 * PATIENCE_S


@pytest.mark.parametrize("start", ["beginning", "latest"])
def test_a_group_that_met_a_frozen_kafka_when_it_began_reads_once_kafka_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, start: Literal["beginning", "latest"]
) -> None:
    go_on_at = subscription.go_on_at

    def while_frozen(*asked: object) -> object:
        os.kill(kafka.pid, signal.SIGSTOP)
        return go_on_at(*asked)  # type: ignore[arg-type] # passed on

    monkeypatch.setattr(subscription, "go_on_at", while_frozen)
    with running_kafka(tmp_path / "kafka") as kafka:
        say(kafka, topics.CANDLES, [a_quarter(0)])
        with candlewick.subscribe(
            "market.candles.v1", start=start, group="met-it-frozen", servers=kafka.bootstrap
        ) as candles:
            try:
                with pytest.raises(candlewick.Transient):
                    candles.poll(PATIENCE)
            finally:
                os.kill(kafka.pid, signal.SIGCONT)
            monkeypatch.undo()
            say(kafka, topics.CANDLES, [a_quarter(1)])

            assert candles.poll(PATIENCE) == a_quarter(0 if start == "beginning" else 1)
