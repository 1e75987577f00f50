"""A Kafka that asks for a user or a certificate: clients and workers get in by settings."""

import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AclOperation, ResourceType

from candlewick.stack.environment import environment_of
from candlewick.stack.parent_death import leashed
from clients.kafka import topics as kafka_topics
from clients.kafka import waiting
from clients.kafka.group import GroupOffsets
from clients.kafka.reader import TopicReader
from clients.kafka.topics import create_topics, topic_ids
from clients.kafka.writer import Writer
from schemas import codecs, topics
from schemas.errors import CandlewickError, Transient
from schemas.market import Candle, Gap
from schemas.settings import KafkaSettings, Settings
from schemas.topics import Topic
from tests.support.api_market import a_gap
from tests.support.feed import Feed
from tests.support.guarded_kafka import GuardedKafka, guarded_kafka

WAYS = ("SCRAM-SHA-512", "PLAIN", "certificate")
PARTITIONS = 4
WRONG = "not-the-password"
REFUSED_S = 10.0  # in this time a broker beside other tests has refused, and it is logged


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuardedKafka]:
    with guarded_kafka(tmp_path_factory.mktemp("guarded")) as server:
        yield server


def settings_of(kafka: GuardedKafka, way: str) -> KafkaSettings:
    return kafka.with_certificate() if way == "certificate" else kafka.as_user(way)


@pytest.mark.parametrize("way", WAYS)
def test_clients_write_read_and_ask_with_what_the_settings_say(
    kafka: GuardedKafka, way: str
) -> None:
    settings, gap = settings_of(kafka, way), a_gap(WAYS.index(way), "found")

    Writer(settings).put(topics.GAPS.name, codecs.message_of(gap))

    with TopicReader(settings, "test") as reader:
        found = [codecs.decode(Gap, m.value() or b"") for m in reader.new(topics.GAPS)]
    assert gap in found
    assert topic_ids(settings, [topics.GAPS.name])
    assert len(GroupOffsets(settings).partitions([topics.GAPS.name])) == PARTITIONS


def test_a_worker_makes_candles_as_the_user_of_the_settings(
    kafka: GuardedKafka, tmp_path: Path
) -> None:
    settings = Settings(kafka=kafka.as_user("SCRAM-SHA-512"), data_dir=tmp_path)
    command = leashed([sys.executable, "-m", "processors", "worker", "--name", "guarded"])
    with (tmp_path / "worker.log").open("wb") as log:
        worker = subprocess.Popen(command, env=environment_of(settings), stdout=log, stderr=log)
    reader = Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": "reader"})
    reader.assign([TopicPartition(topics.CANDLES.name, i, 0) for i in range(PARTITIONS)])
    deadline = time.monotonic() + 60
    try:
        with Feed(kafka.bootstrap):
            while (message := reader.poll(0.2)) is None or message.error():
                said = (tmp_path / "worker.log").read_text()
                assert worker.poll() is None, said
                assert time.monotonic() < deadline, said
    finally:
        worker.kill()
        worker.wait()
        reader.close()

    assert codecs.decode(Candle, message.value() or b"").trade_count > 0


def test_a_wrong_password_is_told_with_the_user_and_never_shown(
    kafka: GuardedKafka, caplog: pytest.LogCaptureFixture
) -> None:
    wrong = kafka.as_user("SCRAM-SHA-512", password=WRONG)

    with caplog.at_level(logging.ERROR), pytest.raises(Transient, match="SASL_SSL as candlewick"):
        Writer(wrong, answer_s=REFUSED_S).put(
            topics.GAPS.name, codecs.message_of(a_gap(9, "found"))
        )

    told = [record.getMessage() for record in caplog.records]
    assert any("does not let us in" in line for line in told)
    assert not any(WRONG in line for line in told)


def ask_for_topics(kafka: KafkaSettings) -> None:
    create_topics(kafka)


def ask_for_offsets(kafka: KafkaSettings) -> None:
    GroupOffsets(kafka).partitions([topics.GAPS.name])


class WaitedLongEnoughError(Exception):
    """Ends a wait that has no other end."""


def wait_once(kafka: KafkaSettings) -> None:
    def sleep(_: float) -> None:
        raise WaitedLongEnoughError

    with pytest.MonkeyPatch.context() as hasty, suppress(WaitedLongEnoughError):
        hasty.setattr(waiting, "time", SimpleNamespace(monotonic=time.monotonic, sleep=sleep))
        waiting.wait_for_brokers(kafka)


@pytest.mark.parametrize("ask", [ask_for_topics, ask_for_offsets, wait_once])
def test_who_asks_with_a_wrong_password_is_told_that_it_is_not_let_in(
    kafka: GuardedKafka,
    ask: Callable[[KafkaSettings], None],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(kafka_topics, "PATIENCE_S", REFUSED_S)
    with caplog.at_level(logging.ERROR), suppress(Transient):
        ask(kafka.as_user("SCRAM-SHA-512", password=WRONG))

    told = [record.getMessage() for record in caplog.records]
    assert any("does not let us in" in line for line in told)
    assert not any(WRONG in line for line in told)


def read_all(kafka: KafkaSettings, topic: Topic) -> None:
    with TopicReader(kafka, "test", answer_s=15) as reader:
        list(reader.new(topic))


def read_newest(kafka: KafkaSettings, topic: Topic) -> None:
    with TopicReader(kafka, "test", answer_s=15) as reader:
        list(reader.newest(topic, 1))


def write_one(kafka: KafkaSettings, topic: Topic) -> None:
    Writer(kafka, answer_s=15).put(topic.name, codecs.message_of(a_gap(7, "found")))


@pytest.mark.parametrize(
    ("topic", "allowed", "use"),
    [
        (topics.COINS, [AclOperation.DESCRIBE], read_all),
        (topics.COINS, [AclOperation.DESCRIBE], read_newest),
        (topics.HOLES, [], read_all),
        (topics.ARCHIVES, [AclOperation.READ], write_one),
        (topics.HOLES, [], write_one),
    ],
)
def test_who_may_not_use_a_topic_is_told_which_and_what_to_do(
    kafka: GuardedKafka,
    topic: Topic,
    allowed: list[AclOperation],
    use: Callable[[KafkaSettings, Topic], None],
) -> None:
    for key in (b"a", b"b", b"c"):  # there must be something to read
        Writer(KafkaSettings(bootstrap_servers=kafka.bootstrap)).put(
            topic.name, codecs.Message(key, b"any", ())
        )
    kafka.allow(ResourceType.TOPIC, topic.name, *allowed)

    with pytest.raises(CandlewickError, match=rf"as candlewick.* topic {topic.name} .*right") as e:
        use(kafka.as_user("PLAIN"), topic)

    assert "start it" not in str(e.value)


def test_who_may_not_ask_for_a_group_is_told_what_to_do(kafka: GuardedKafka) -> None:
    kafka.allow(ResourceType.GROUP, "theirs")

    with pytest.raises(Transient, match=r"a consumer group .* give it the right"):
        GroupOffsets(kafka.as_user("PLAIN")).committed("theirs")


def test_a_broker_with_a_certificate_of_strangers_is_not_trusted(kafka: GuardedKafka) -> None:
    strangers = kafka.as_user("PLAIN").model_copy(update={"ssl_ca": None})

    with pytest.raises(Transient, match="does not answer"):
        Writer(strangers, answer_s=3).put(topics.GAPS.name, codecs.message_of(a_gap(8, "found")))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"SECURITY_PROTOCOL": "SASL_SSL", "SASL_USERNAME": "ann"}, "ask for a user"),
        ({"SECURITY_PROTOCOL": "SASL_PLAINTEXT", "SASL_PASSWORD": "x"}, "ask for a user"),
        ({"SECURITY_PROTOCOL": "TLS"}, "SASL_SSL"),
        ({"SSL_CERTIFICATE": "/tls/chain.pem"}, "belong together"),
        ({"SSL_KEY": "/tls/key.pem"}, "belong together"),
    ],
)
def test_settings_that_cannot_work_are_one_clear_line(wrong: dict[str, str], said: str) -> None:
    clean = {k: v for k, v in os.environ.items() if not k.startswith("CANDLEWICK_")}
    environment = clean | {f"CANDLEWICK_KAFKA__{name}": value for name, value in wrong.items()}

    done = subprocess.run(
        [sys.executable, "-m", "candlewick", "topics", "create"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert done.returncode == 1
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
