"""Headers as Kafka's client gives them: no name ends a reader."""

from collections.abc import Iterator

import pytest
from confluent_kafka import Consumer, Message, Producer, TopicPartition

from clients.kafka.dead_letters import origin_in
from schemas.codecs import headers_of, record_in
from schemas.errors import PoisonMessage
from schemas.market import Candle
from tests.support.builders import a_candle
from tests.support.header_names import NAMELESS, Named, send_named
from tests.support.messages import sent

TOPIC = "candles"


@pytest.fixture(scope="module")
def broker() -> Iterator[str]:
    """The address of the client library's own broker, which lives as long as its producer."""
    owner = Producer({"bootstrap.servers": "none", "test.mock.num.brokers": 1, "log_level": 0})
    found = owner.list_topics(timeout=10).brokers.values()
    owner.list_topics(TOPIC, timeout=10)
    yield ",".join(f"{one.host}:{one.port}" for one in found)
    owner.flush()


def read_back(broker: str, *records: Named) -> list[Message]:
    offset = send_named(broker, TOPIC, 0, *records)
    reader = Consumer({"bootstrap.servers": broker, "group.id": "headers", "log_level": 0})
    reader.assign([TopicPartition(TOPIC, 0, offset)])
    try:
        return reader.consume(len(records), 30)
    finally:
        reader.close()


def test_a_record_whose_header_has_a_name_that_is_not_utf8_is_read_without_headers(
    broker: str,
) -> None:
    good = sent(a_candle())
    headers = ((b"contract", b"candle.v1"), NAMELESS)
    many = [Named(good.named, good.raw or b"", headers)] * 100  # the interpreter learns from calls

    for message in read_back(broker, *many):
        assert record_in(Candle, message) == a_candle()
        assert list(headers_of(message)) == []


def test_a_record_that_cannot_be_read_is_buried_whatever_its_headers_are_called(
    broker: str,
) -> None:
    (message,) = read_back(broker, Named(b"BTCUSDT", b"junk"))

    with pytest.raises(PoisonMessage):
        record_in(Candle, message)
    assert origin_in(message, "junk", reader="me").headers == ()


def test_headers_with_names_stay_what_they_are(broker: str) -> None:
    (message,) = read_back(broker, Named(None, b"junk", ((b"contract", b"gap.v1"),)))

    assert headers_of(message) == headers_of(message) == [("contract", b"gap.v1")]
