"""While Kafka is away notifications send what waits, and tell that all stands still."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from schemas import topics
from sinks.notify import loop
from sinks.notify.mailbox import Waiting
from sinks.notify.rules import stale
from sinks.notify.store import Store
from tests.support.api_market import a_model_event, say
from tests.support.builders import START_MS, a_candle
from tests.support.notifying import all_read, eventually, working
from tests.support.receivers import Webhook, running_webhook
from tests.support.servers import RunningKafka, running_kafka

STALE = "{when: stale, minutes: 4}"
BOTH = f"limit: {{messages: 100}}\nrules: [{{when: drift}}, {STALE}]"


@pytest.fixture
def kafka(tmp_path: Path) -> Iterator[RunningKafka]:
    with running_kafka(tmp_path / "kafka", partitions=1) as running:
        yield running


@pytest.fixture
def hook() -> Iterator[Webhook]:
    with running_webhook() as running:
        yield running


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """A minute is a second, and Kafka is soon given up."""
    monkeypatch.setattr(stale, "MINUTE_MS", 1_000)
    monkeypatch.setattr(loop, "TELL_MS", 200)
    monkeypatch.setattr("clients.kafka.topics.ANSWER_S", 0.5)


def titles(hook: Webhook) -> set[object]:
    return {post["title"] for post in hook.posts}


def test_an_outage_of_kafka_holds_up_neither_what_waits_nor_the_alarm(
    kafka: RunningKafka, hook: Webhook, tmp_path: Path
) -> None:
    hook.status = 500
    with working(tmp_path, kafka, {"hook": hook.url()}, BOTH):
        say(kafka, topics.MODEL_VERSIONS, [a_model_event("drift", at_ms=START_MS)])
        say(kafka, topics.CANDLES, [a_candle()])
        eventually(lambda: hook.attempts and all_read(kafka, topics.CANDLES))
        kafka.kill()
        hook.status = 200
        eventually(lambda: titles(hook) == {"Candlewick: drift", "Candlewick: stale"})
        kafka.restart()
        say(kafka, topics.MODEL_VERSIONS, [a_model_event("drift", at_ms=START_MS + 1)])
        eventually(lambda: len(hook.posts) == 3)


def test_a_start_without_kafka_sends_what_waits_and_reads_when_kafka_is_back(
    kafka: RunningKafka, hook: Webhook, tmp_path: Path
) -> None:
    there = {"hook": hook.url()}
    with working(tmp_path, kafka, there, BOTH):
        pass
    with closing(Store(tmp_path / "notify" / "store.sqlite")) as store, store.step():
        store.add("hook", Waiting(0, "drift", "info", "scores", "of before", START_MS))
    kafka.kill()
    with working(tmp_path, kafka, there, BOTH):
        eventually(lambda: titles(hook) == {"Candlewick: drift", "Candlewick: stale"})
        kafka.restart()
        say(kafka, topics.MODEL_VERSIONS, [a_model_event("drift", at_ms=START_MS)])
        eventually(lambda: len(hook.posts) == 3)

    assert hook.texts[0].startswith("of before")
    assert hook.texts[1].startswith("BTCUSDT: no candle for ")
