"""The order in which trades and gap events of a symbol reach Kafka, over a producer in memory."""

from typing import TYPE_CHECKING, Any

import pytest

from producers.trades import publisher
from producers.trades.publisher import Publisher
from schemas import topics
from schemas.market import Gap, GapState
from schemas.settings import KafkaSettings
from tests.support.builders import START_MS, a_block, trades_at

if TYPE_CHECKING:
    from collections.abc import Callable

BLOCK = a_block(trades_at(START_MS))


class Producer:
    """Keeps what is sent until it is acknowledged."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, Callable[[], None]]] = []

    def produce(
        self, topic: str, *, value: bytes, key: bytes, headers: Any, on_delivery: Any
    ) -> None:
        del headers

        class Message:
            def key(self) -> bytes:
                return key

            def value(self) -> bytes:
                return value

            def topic(self) -> str:
                return topic

        self.sent.append((topic, lambda: on_delivery(None, Message())))

    def acknowledge(self, topic: topics.Topic) -> None:
        for name, told in [one for one in self.sent if one[0] == topic.name]:
            self.sent.remove((name, told))
            told()


@pytest.fixture
def producer(monkeypatch: pytest.MonkeyPatch) -> Producer:
    found = Producer()
    monkeypatch.setattr(publisher, "open_producer", lambda *_, **__: found)
    return found


def a_gap(state: GapState, symbol: str = "BTCUSDT") -> Gap:
    return Gap(symbol, 2, 4, START_MS, START_MS + 1, state.value, START_MS, START_MS, "test")


def test_a_gap_is_told_as_repaired_once_kafka_has_its_trades(producer: Producer) -> None:
    stream = Publisher(KafkaSettings())
    assert stream.send(BLOCK)
    assert stream.send(a_gap(GapState.FOUND))
    assert not stream.send(a_gap(GapState.REPAIRED))
    assert stream.send(a_gap(GapState.REPAIRED, "ETHUSDT"))

    producer.acknowledge(topics.TRADES)
    assert stream.send(a_gap(GapState.REPAIRED))


def test_trades_go_on_behind_a_gap_once_kafka_knows_that_it_is_given_up(
    producer: Producer,
) -> None:
    stream = Publisher(KafkaSettings())
    assert stream.send(a_gap(GapState.GIVEN_UP))
    assert not stream.send(BLOCK)

    producer.acknowledge(topics.GAPS)
    assert stream.send(BLOCK)
