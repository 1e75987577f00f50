"""Notifications end to end: real topics in, real HTTP and mail out."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas import topics
from tests.support.api_market import a_model_event, say
from tests.support.builders import START_MS
from tests.support.notifying import eventually, notifying
from tests.support.receivers import running_webhook
from tests.support.servers import RunningKafka, running_kafka

DRIFT = "rules: [{when: drift}]"


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningKafka]:
    with running_kafka(tmp_path_factory.mktemp("notify"), partitions=2) as running:
        yield running


def drift(kafka: RunningKafka, *numbers: int, symbol: str = "BTCUSDT") -> None:
    """Events of a model, each with its number as identity."""
    events = [a_model_event("drift", at_ms=START_MS + n, symbol=symbol) for n in numbers]
    say(kafka, topics.MODEL_VERSIONS, events)


def test_an_event_is_sent_once_across_kill_restart_and_repetition(
    kafka: RunningKafka, tmp_path: Path
) -> None:
    with running_webhook() as hook:
        drift(kafka, 1)  # before the first start
        with notifying(tmp_path, kafka, {"hook": hook.url()}, DRIFT) as notify:
            drift(kafka, 2)
            eventually(lambda: "took 1 event" in notify.log, lambda: notify.log)
            notify.kill()
            drift(kafka, 2, 2, 3)
            notify.start()
            eventually(lambda: len(hook.posts) == 2, lambda: notify.log)
            drift(kafka, 3, 2, 4)
            eventually(lambda: len(hook.posts) == 3, lambda: notify.log)
    assert [post["title"] for post in hook.posts] == ["Candlewick: drift"] * 3
