"""How clients of Kafka are made, where their settings cannot be used."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from clients.kafka import opening
from clients.kafka.errors import BROKERS_DOWN
from clients.kafka.opening import (
    Membership,
    open_admin,
    open_member,
    open_producer,
    open_reader,
    open_subscriber,
)
from clients.watching import log
from producers.bulk_publisher import BulkPublisher
from schemas.errors import ConfigurationError, Transient
from schemas.settings import KafkaSettings

OPENERS: list[Callable[[KafkaSettings], object]] = [
    open_admin,
    open_producer,
    lambda kafka: open_reader(kafka, "reader"),
    lambda kafka: open_member(kafka, Membership("group")),
    lambda kafka: open_subscriber(kafka, None, tells_ends=False),
]


@pytest.mark.parametrize("opener", OPENERS)
def test_a_file_that_is_no_certificate_is_told_as_a_wrong_setting(
    tmp_path: Path, opener: Callable[[KafkaSettings], object]
) -> None:
    file = tmp_path / "ca.pem"
    file.write_text("no certificate")
    kafka = KafkaSettings(
        bootstrap_servers="127.0.0.1:1", security_protocol="SSL", ssl_ca=str(file)
    )

    with pytest.raises(ConfigurationError, match=r"ssl\.ca\.location.*CANDLEWICK_KAFKA__"):
        opener(kafka)


WAITING: list[Callable[[KafkaSettings], object]] = [
    lambda kafka: open_reader(kafka, "reader", waits=True),
    lambda kafka: open_member(kafka, Membership("group")),
    lambda kafka: open_subscriber(kafka, None, tells_ends=False),
    BulkPublisher,
]


@pytest.mark.parametrize("opener", WAITING, ids=["reader", "member", "subscriber", "publisher"])
def test_who_waits_for_kafka_says_so_once_a_minute(
    opener: Callable[[KafkaSettings], object],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    made: list[dict[str, Any]] = []
    now_s = [1000.0]
    monkeypatch.setattr(log.time, "monotonic", lambda: now_s[0])
    for name in ("Consumer", "Producer"):
        monkeypatch.setattr(opening, name, made.append)
    opener(KafkaSettings())

    told = []
    for _ in range(121):  # the library tries every second
        made[0]["error_cb"](KafkaError(BROKERS_DOWN))
        told.append([log.event_of(record) for record in caplog.records].count("kafka_away"))
        now_s[0] += 1

    assert [told[0], told[59], told[60], told[120]] == [1, 1, 2, 3]


def test_a_client_that_cannot_be_made_now_may_be_made_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(_settings: dict[str, Any]) -> None:
        raise KafkaException(KafkaError(KafkaError._CRIT_SYS_RESOURCE))

    monkeypatch.setattr(opening, "Consumer", refuse)

    with pytest.raises(Transient):
        open_reader(KafkaSettings(), "reader")
