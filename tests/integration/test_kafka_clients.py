"""The floor under all that reads and writes Kafka, against a real broker."""

import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from itertools import islice

import pytest
from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from clients.kafka import follower, unread
from clients.kafka.commits import Commits
from clients.kafka.dead_letters import DeadLetters
from clients.kafka.errors import meaning
from clients.kafka.follower import TopicFollower
from clients.kafka.offsets import spans_of
from clients.kafka.opening import Membership, open_admin, open_member, open_reader
from clients.kafka.partition import partition_of
from clients.kafka.reader import TopicReader
from clients.kafka.records import place_of
from clients.kafka.topics import create_topics, topic_ids
from clients.kafka.unread import Unread
from clients.kafka.writer import Writer
from schemas import topics
from schemas.codecs import Message as Outgoing
from schemas.dead_letters import LARGEST_VALUE, read_letter
from schemas.errors import ConfigurationError, PoisonMessage, RestartNeeded, Transient
from schemas.settings import KafkaSettings
from schemas.topics import Topic
from tests.support.kafka_process import committed_offsets, own_topic
from tests.support.servers import RunningKafka, free_port, running_kafka

DEADLINE_S = 30.0
PARTITIONS = 3
MISSING = replace(topics.GAPS, name="never-made")


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningKafka]:
    with running_kafka(tmp_path_factory.mktemp("kafka"), partitions=PARTITIONS) as server:
        yield server


@pytest.fixture
def topic(kafka: RunningKafka, request: pytest.FixtureRequest) -> Topic:
    return own_topic(kafka, topics.GAPS, request.node.name, PARTITIONS)


def put(kafka: RunningKafka, topic: Topic, *values: str, key: bytes = b"k") -> None:
    writer = Writer(kafka.settings)
    for value in values:
        writer.put(topic.name, Outgoing(key, value.encode(), ()))


def texts(messages: Iterator[Message]) -> list[str]:
    return [(message.value() or b"").decode() for message in messages]


def next_message(consumer: Consumer) -> Message:
    deadline = time.monotonic() + DEADLINE_S
    while (message := consumer.poll(0.1)) is None or message.error() is not None:
        assert time.monotonic() < deadline, "no record came"
    return message


def next_error(consumer: Consumer) -> KafkaError:
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        message = consumer.poll(0.1)
        if message is not None and (error := message.error()) is not None:
            return error
    raise AssertionError("no error came")


def test_a_reader_reads_all_there_is_and_then_what_was_added(
    kafka: RunningKafka, topic: Topic
) -> None:
    put(kafka, topic, "a", "b", "c")
    with TopicReader(kafka.settings, "test") as reader:
        first = texts(reader.new(topic))
        nothing = texts(reader.new(topic))
        put(kafka, topic, "d")
        added = texts(reader.new(topic))
        newest = texts(reader.newest(topic, 2))
        again = texts(reader.new(topic))

    assert (first, nothing, added, newest, again) == (["a", "b", "c"], [], ["d"], ["c", "d"], [])


def test_a_reader_waits_for_what_is_added(kafka: RunningKafka, topic: Topic) -> None:
    put(kafka, topic, "a")
    with TopicReader(kafka.settings, "test", fetch_wait_ms=500) as reader:
        first = texts(reader.new(topic))
        nothing = reader.wait(topic, 0.01, lambda: False)
        over = reader.wait(topic, 3600.0, lambda: True)
        put(kafka, topic, "b")
        came = reader.wait(topic, DEADLINE_S, lambda: False)
        added = texts(reader.new(topic))

    assert (first, nothing, over, came, added) == (["a"], False, False, True, ["b"])


def test_a_reader_leaves_out_what_it_is_told_is_known(kafka: RunningKafka, topic: Topic) -> None:
    put(kafka, topic, "a", "b", "c", "d")
    partition = partition_of("k", PARTITIONS)
    with TopicReader(kafka.settings, "test") as reader:
        reader.passed(topic, partition, 1)
        from_one = texts(islice(reader.new(topic), 1))
        from_two = texts(reader.new(topic, {partition: 2}))

    assert (from_one, from_two) == (["b"], ["c", "d"])


def test_a_topic_that_was_made_anew_is_read_from_its_beginning(
    kafka: RunningKafka, topic: Topic
) -> None:
    settings = KafkaSettings(bootstrap_servers=kafka.bootstrap, partitions=PARTITIONS)
    admin = open_admin(settings)
    put(kafka, topic, "a", "b", "c")
    with TopicReader(kafka.settings, "test") as reader:
        first = texts(reader.new(topic))
        admin.delete_topics([topic.name])[topic.name].result(DEADLINE_S)
        until_holds(lambda: bool(create_topics(settings, (topic,))))
        put(kafka, topic, "d")
        anew = texts(reader.new(topic))
        put(kafka, topic, "e")
        added = texts(reader.new(topic))

    assert (first, anew, added) == (["a", "b", "c"], ["d"], ["e"])


def until_holds(ask: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not ask():
        assert time.monotonic() < deadline


def test_a_topic_that_nobody_made_is_told_with_what_makes_it(kafka: RunningKafka) -> None:
    remedy = rf"never-made does not exist at {kafka.bootstrap}: .*`candlewick topics create`"
    with (
        TopicReader(kafka.settings, "test") as reader,
        pytest.raises(ConfigurationError, match=remedy),
    ):
        reader.spans(MISSING)
    with pytest.raises(ConfigurationError, match=remedy):
        TopicFollower(kafka.settings, MISSING, from_beginning=True)
    with pytest.raises(ConfigurationError, match=remedy):
        Writer(kafka.settings, answer_s=3).put(MISSING.name, Outgoing(b"k", b"v", ()))
    with pytest.raises(ConfigurationError, match=remedy):
        topic_ids(kafka.settings, [MISSING.name])


def test_brokers_that_are_away_are_told_in_one_sentence_within_the_limit() -> None:
    nobody = KafkaSettings(bootstrap_servers=f"127.0.0.1:{free_port()}")
    sentence = rf"does not answer at {nobody.place}: .*CANDLEWICK_KAFKA__BOOTSTRAP_SERVERS"
    consumer = open_reader(nobody, "test")
    begun_s = time.monotonic()
    with pytest.raises(Transient, match=sentence):
        spans_of(consumer, topics.GAPS.name, nobody, answer_s=0.3)
    with pytest.raises(Transient, match=sentence):
        Writer(nobody, answer_s=0.3).put(topics.GAPS.name, Outgoing(b"k", b"v", ()))
    with (
        TopicReader(nobody, "test", answer_s=0.3) as reader,
        pytest.raises(ConfigurationError, match=sentence),
    ):
        reader.spans(topics.GAPS)
    consumer.close()

    assert time.monotonic() - begun_s < 10


def test_a_broker_that_takes_connections_and_never_answers_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        servers = KafkaSettings(bootstrap_servers=f"127.0.0.1:{deaf.getsockname()[1]}")
        with pytest.raises(Transient, match="does not answer"):
            Writer(servers, answer_s=0.3).put(topics.GAPS.name, Outgoing(b"k", b"v", ()))


def test_a_follower_gives_what_comes_after_now(kafka: RunningKafka, topic: Topic) -> None:
    put(kafka, topic, "before")
    following = TopicFollower(kafka.settings, topic, from_beginning=False)
    put(kafka, topic, "after")
    deadline = time.monotonic() + DEADLINE_S
    found: list[Message] = []
    for messages in following.follow():
        found += messages
        if found or time.monotonic() > deadline:
            break
    following.close()

    assert texts(iter(found)) == ["after"]


def test_who_follows_a_topic_goes_on_with_a_new_client_where_a_partition_stands_still(
    kafka: RunningKafka, topic: Topic, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = partial(Unread, patience_s=0.2, look_s=0.05)
    monkeypatch.setattr(unread, "Unread", quick)
    put(kafka, topic, "before")
    following = TopicFollower(kafka.settings, topic, from_beginning=True)
    found = list[str]()
    come = following.follow()
    try:
        until_holds(lambda: found.extend(texts(iter(next(come)))) or bool(found))
        stuck = TopicPartition(topic.name, partition_of("k", PARTITIONS))
        following._consumer.pause([stuck])  # as if another broker were asked
        put(kafka, topic, "after")
        until_holds(lambda: found.extend(texts(iter(next(come)))) or len(found) > 1)
    finally:
        following.close()

    assert found == ["before", "after"]


def test_who_follows_a_topic_is_told_that_kafka_is_away(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    nobody = KafkaSettings(bootstrap_servers=f"127.0.0.1:{free_port()}")
    # It was there when the topic was looked for.
    monkeypatch.setattr(follower, "spans_of", lambda *_, **__: {0: (0, 0)})
    following = TopicFollower(nobody, topics.GAPS, from_beginning=True)

    until_holds(lambda: bool(next(following.follow())) or "waiting for it" in caplog.text)
    following.close()

    assert f"Kafka does not answer at {nobody.place}" in caplog.text


def test_a_writer_says_where_a_record_is_and_a_key_has_kafkas_own_partition(
    kafka: RunningKafka, topic: Topic
) -> None:
    writer = Writer(kafka.settings)
    for offset, key in enumerate(["BTCUSDT", "BTCUSDT"]):
        stored = writer.put(topic.name, Outgoing(key.encode(), b"v", (("h", b"1"),)))

        assert place_of(stored) == (topic.name, partition_of(key, PARTITIONS), offset)


def test_a_record_that_kafka_refuses_holds_up_none_behind_it(
    kafka: RunningKafka, topic: Topic
) -> None:
    writer, giant = Writer(kafka.settings), Outgoing(b"k", b"x" * 2_000_000, ())
    with pytest.raises(PoisonMessage) as refused:
        writer.put(topic.name, giant)
    writer.put(topic.name, Outgoing(b"k", b"next", ()))
    with TopicReader(kafka.settings, "test") as reader:
        found = texts(reader.new(topic))

    assert (refused.value.raw, found) == (giant.value, ["next"])


def test_a_dead_letter_says_where_its_record_was(kafka: RunningKafka, topic: Topic) -> None:
    value = "x" * (LARGEST_VALUE + 1)
    put(kafka, topic, value)
    with TopicReader(kafka.settings, "test") as reader:
        (message,) = reader.new(topic)
        DeadLetters(kafka.settings, reader="test").bury(
            PoisonMessage("too long", raw=value.encode()), message
        )
        found = [read_letter(m.value(), m.headers()) for m in reader.new(topics.DEAD_LETTERS)]

    (letter,) = [letter for letter in found if letter.origin.topic == topic.name]
    assert (letter.origin.offset, letter.origin.key, letter.origin.reader) == (0, b"k", "test")
    assert (letter.origin.reason, letter.length) == ("too long", len(value))


def test_what_is_committed_is_kept_and_a_member_whose_name_is_taken_must_leave(
    kafka: RunningKafka, topic: Topic
) -> None:
    put(kafka, topic, "a", "b")
    name = Membership(f"group-{topic.name}", "twin")
    older = open_member(kafka.settings, name)
    older.subscribe([topic.name])
    read = next_message(older)
    _, partition, offset = place_of(read)
    place = TopicPartition(topic.name, partition, offset + 1)
    Commits(older).commit([place])
    kept = committed_offsets(older, [TopicPartition(topic.name, partition)])
    newer = open_member(kafka.settings, name)
    newer.subscribe([topic.name])
    follows = next_message(newer)
    with pytest.raises(RestartNeeded):
        Commits(older).commit([place])
    told = next_error(older)
    newer.close()
    older.close()

    assert (kept, texts(iter([read, follows]))) == ([1], ["a", "b"])
    assert isinstance(meaning(told), RestartNeeded)


@pytest.mark.parametrize(
    ("code", "means"),
    [
        (KafkaError.UNKNOWN_TOPIC_OR_PART, ConfigurationError),
        (KafkaError._UNKNOWN_TOPIC, ConfigurationError),
        (KafkaError.FENCED_INSTANCE_ID, RestartNeeded),
        (KafkaError._FATAL, RestartNeeded),
        (KafkaError._TRANSPORT, Transient),
        (KafkaError.REBALANCE_IN_PROGRESS, Transient),
    ],
)
def test_every_error_says_what_to_do_next(code: int, means: type[Exception]) -> None:
    assert type(meaning(KafkaError(code), topic="t", place="here:1")) is means


def test_only_a_broker_that_is_silent_is_said_to_be_away() -> None:
    settling = meaning(KafkaError(KafkaError.REBALANCE_IN_PROGRESS), place="here:1")

    assert "does not answer" not in str(settling)
    assert "cannot do it now" in str(settling)
