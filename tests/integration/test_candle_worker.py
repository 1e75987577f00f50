"""The Faust candle worker against a real Kafka: killed, frozen, fed rubbish."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from confluent_kafka import Consumer, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from candlewick.stack.parent_death import leashed
from processors.candles.state import MADE, CandleRules
from processors.candles.state_record import load_record
from processors.runtime.app import SESSION_S
from schemas import codecs, topics
from schemas.codecs import headers_of
from schemas.market import TradeBlock
from schemas.timeframe import Interval
from schemas.topics import Topic
from tests.support.builders import newest_revisions
from tests.support.candle_reader import PARTITIONS, CandleReader, differences
from tests.support.feed import SYMBOLS, Feed
from tests.support.header_names import Named, send_named
from tests.support.kafka_process import RunningKafka, committed_offsets, running_kafka

HOUR_MS = 3_600_000
PATIENCE_S = 120.0  # beside other tests, for the start of a worker and all that it then reads


@pytest.fixture
def kafka(tmp_path: Path) -> Iterator[RunningKafka]:
    with running_kafka(tmp_path / "kafka", partitions=PARTITIONS) as server:
        yield server


@contextmanager
def a_worker(
    kafka: RunningKafka, folder: Path, name: str = "worker-1", **settings: str
) -> Iterator[subprocess.Popen[bytes]]:
    environment = os.environ | {
        "CANDLEWICK_KAFKA__BOOTSTRAP_SERVERS": kafka.bootstrap,
        "CANDLEWICK_KAFKA__PARTITIONS": str(PARTITIONS),
        "CANDLEWICK_DATA_DIR": str(folder),
        "CANDLEWICK_LOG_LEVEL": "WARNING",
        **settings,
    }
    command = leashed([sys.executable, "-m", "processors", "worker", "--name", name])
    with (folder / f"{name}.log").open("ab") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_nothing_is_lost_or_wrong_when_workers_are_killed_in_turn(
    kafka: RunningKafka, tmp_path: Path
) -> None:
    draw = random.Random(1)
    with Feed(kafka.bootstrap, eras_after=(8, 16)) as feed, CandleReader(kafka) as reader:
        for name in ("worker-1", "worker-1", "worker-2", "worker-1"):
            with a_worker(kafka, tmp_path, name):
                reader.read_another(within_s=PATIENCE_S)  # this worker works
                reader.read_for(draw.uniform(0.5, 4.0))
            while reader.read():  # what the killed one has left
                pass
        feed.stop()
        truth = feed.candles()
        with a_worker(kafka, tmp_path, "worker-1"):
            reader.read_until_all_of(truth, within_s=PATIENCE_S)

    assert len(truth) > 300
    assert differences(newest_revisions(reader.candles), truth) == []


def test_seconds_that_are_switched_on_have_a_topic_of_their_own(
    kafka: RunningKafka, tmp_path: Path
) -> None:
    rules = CandleRules(intervals=(Interval.ONE_SECOND, *MADE), sends_proof=False)
    with (
        Feed(kafka.bootstrap) as feed,
        CandleReader(kafka) as others,
        CandleReader(kafka, topics.CANDLES_1S) as seconds,
        a_worker(kafka, tmp_path, CANDLEWICK_CANDLES__SECONDS="true"),
    ):
        others.read_for(3.0)
        feed.stop()
        truth = feed.candles(rules)
        wanted = {key: candle for key, candle in truth.items() if candle.interval == "1s"}
        seconds.read_until_all_of(wanted, within_s=PATIENCE_S)
        rest = {k: truth[k] for k in truth.keys() - wanted.keys()}
        others.read_until_all_of(rest, within_s=PATIENCE_S)

    assert len(wanted) > 1_000
    assert differences(newest_revisions([*seconds.candles, *others.candles]), truth) == []
    assert {candle.interval for candle in seconds.candles} == {"1s"}
    assert "1s" not in {candle.interval for candle in others.candles}


def test_another_worker_takes_over_from_a_killed_one_soon(
    kafka: RunningKafka, tmp_path: Path
) -> None:
    with (
        Feed(kafka.bootstrap) as feed,
        CandleReader(kafka) as reader,
        a_worker(kafka, tmp_path, "worker-1") as first,
        a_worker(kafka, tmp_path, "worker-2"),
    ):
        everyone = set(SYMBOLS)
        reader.read_until(
            lambda: {c.symbol for c in reader.candles} == everyone, within_s=PATIENCE_S
        )
        first.kill()
        behind = set(feed.candles())
        known = len(reader.candles)

        def has_taken_over() -> bool:
            fresh = {c.symbol for c in reader.candles[known:]}
            return fresh == everyone and behind <= set(newest_revisions(reader.candles))

        reader.read_until(has_taken_over, within_s=PATIENCE_S)
        took_over = has_taken_over()
        feed.stop()
        truth = feed.candles()
        reader.read_until_all_of(truth, within_s=PATIENCE_S)

    # `python -m tests.brokers` measures how soon, beside nothing else: the session and little more.
    assert took_over
    assert SESSION_S <= 6
    assert differences(newest_revisions(reader.candles), truth) == []


def test_a_worker_that_was_frozen_past_its_session_leaves_without_writing(
    kafka: RunningKafka, tmp_path: Path
) -> None:
    with Feed(kafka.bootstrap) as feed, CandleReader(kafka) as reader:
        with a_worker(kafka, tmp_path) as worker:
            while not reader.candles:
                reader.read()
            worker.send_signal(signal.SIGSTOP)
            reader.read_for(4.5)
            worker.send_signal(signal.SIGCONT)
            exit_code = worker.wait(PATIENCE_S)
        feed.stop()
        truth = feed.candles()
        with a_worker(kafka, tmp_path):
            reader.read_until_all_of(truth, within_s=PATIENCE_S)

    assert exit_code == os.EX_TEMPFAIL
    assert differences(newest_revisions(reader.candles), truth) == []


def commit_all(kafka: RunningKafka) -> None:
    """Commit the end of each partition for the workers, whatever they have read."""
    places = [TopicPartition(topics.TRADES.name, i) for i in range(PARTITIONS)]
    group = Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": topics.CANDLE_APP})
    ends = [
        TopicPartition(place.topic, place.partition, group.get_watermark_offsets(place)[1])
        for place in places
    ]
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        try:
            group.commit(offsets=ends, asynchronous=False)
            break
        except KafkaException:  # the killed worker is still a member
            assert group.poll(0.5) is None
    group.close()


def test_no_trade_is_missed_where_more_was_committed_than_the_state_has_seen(
    kafka: RunningKafka, tmp_path: Path
) -> None:
    log = tmp_path / "worker-1.log"
    with Feed(kafka.bootstrap, every_s=0.003) as feed, CandleReader(kafka) as reader:
        with a_worker(kafka, tmp_path):
            while not reader.candles:
                reader.read()
        commit_all(kafka)
        with a_worker(kafka, tmp_path):
            reader.read_until(lambda: "reading again" in log.read_text(), within_s=PATIENCE_S)
            reader.read_another(within_s=PATIENCE_S)
            feed.stop()
            truth = feed.candles()
            reader.read_until_all_of(truth, within_s=PATIENCE_S)

    assert "reading again" in log.read_text()
    assert differences(newest_revisions(reader.candles), truth) == []


def newest_in(kafka: RunningKafka, topic: Topic) -> dict[int, list[Message]]:
    """Every message of a topic, by partition."""
    reader = Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": "all"})
    ends = [
        reader.get_watermark_offsets(TopicPartition(topic.name, i))[1] for i in range(PARTITIONS)
    ]
    reader.assign([TopicPartition(topic.name, i, 0) for i in range(PARTITIONS)])
    found: dict[int, list[Message]] = {i: [] for i in range(PARTITIONS)}
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline and any(
        end and (not found[i] or found[i][-1].offset() != end - 1) for i, end in enumerate(ends)
    ):
        for message in reader.consume(500, timeout=0.2):
            found[message.partition() or 0].append(message)
    reader.close()
    return found


def test_nothing_is_committed_that_is_not_in_the_stored_states(
    kafka: RunningKafka, tmp_path: Path
) -> None:
    groups = Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": topics.CANDLE_APP})
    places = [TopicPartition(topics.TRADES.name, i) for i in range(PARTITIONS)]
    before = [0] * PARTITIONS
    for end in (signal.SIGKILL, signal.SIGTERM):
        with Feed(kafka.bootstrap, every_s=0.005) as feed, CandleReader(kafka) as reader:
            with a_worker(kafka, tmp_path) as worker:
                deadline = time.monotonic() + PATIENCE_S
                committed = before
                while time.monotonic() < deadline and not all(
                    now > then for now, then in zip(committed, before, strict=True)
                ):
                    reader.read()
                    committed = committed_offsets(groups, places)
                worker.send_signal(end)
                worker.wait(PATIENCE_S)
            feed.stop()
        committed = committed_offsets(groups, places)
        stored = {
            message.key(): load_record(message.value() or b"").state.next_agg_id
            for messages in newest_in(kafka, topics.CANDLE_CHANGELOG).values()
            for message in messages
        }
        for partition, messages in newest_in(kafka, topics.TRADES).items():
            for message in messages:
                if (message.offset() or 0) < committed[partition]:
                    block = codecs.decode(TradeBlock, message.value() or b"")
                    assert stored[message.key()] >= block.next_agg_id
        assert min(committed) > 0
        before = committed
    groups.close()


def poisons() -> list[tuple[bytes | None, bytes]]:
    """Keys and values that no reader may believe, and of which none may stop the others."""
    true = next(iter(Feed("")._blocks()))
    key, raw = true.symbol.encode(), codecs.encode(true)
    no_id = replace(true, first_trade_id=-(2**63))
    late = replace(true, first_agg_id=5, watermark_ms=true.received_ms + 2 * HOUR_MS)
    far = [replace(true, first_agg_id=n) for n in (2**40, 2**40, 10**9)]
    return [
        (key, b""),
        (key, b"\x01rubbish"),
        (key, raw[:-3]),
        (key, b"\0\0\0\0\1abc"),
        (key, b"\x05" + os.urandom(1_020_000)),
        (None, raw),
        (b"\xff\xfe", raw),
        (b"OTHERUSDT", raw),
        (key, unchecked(no_id)),
        (key, unchecked(late)),
        *((key, codecs.encode(block)) for block in far),
    ]


def unchecked(block: TradeBlock) -> bytes:
    """The bytes of a block that our own writers refuse to send."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(codecs, "validate", lambda _: None)
        return codecs.encode(block)


def test_what_no_reader_may_believe_goes_to_the_dead_letters_and_the_rest_goes_on(
    kafka: RunningKafka, tmp_path: Path
) -> None:
    producer = Producer(
        {
            "bootstrap.servers": kafka.bootstrap,
            "partitioner": "murmur2_random",
            "message.max.bytes": 20_000_000,
        }
    )
    letters = Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": "letters"})
    letters.assign([TopicPartition(topics.DEAD_LETTERS.name, i, 0) for i in range(PARTITIONS)])

    with Feed(kafka.bootstrap) as feed, CandleReader(kafka) as reader, a_worker(kafka, tmp_path):
        while not reader.candles:
            reader.read()
        for key, value in poisons():
            producer.produce(topics.TRADES.name, value, key)
        producer.flush()
        nameless = Named(*poisons()[1])
        send_named(kafka.bootstrap, topics.TRADES.name, 0, nameless)
        expected = len(poisons())  # the block of a far id that came twice is held: one less
        reasons: dict[object, object] = {}
        deadline = time.monotonic() + PATIENCE_S
        while len(reasons) < expected and time.monotonic() < deadline:
            reader.read()
            for letter in letters.consume(20, timeout=0.1):
                headers = dict(headers_of(letter))
                place = tuple(headers[f"origin-{name}"] for name in ("partition", "offset"))
                reasons[place] = headers["reason"]
        feed.stop()
        truth = feed.candles()
        reader.read_until_all_of(truth, within_s=PATIENCE_S)
    letters.close()

    # The block of a far id that came twice was held, and known when it came again.
    assert len(reasons) == expected
    assert all(reasons.values())
    assert differences(newest_revisions(reader.candles), truth) == []


def test_a_missing_topic_of_dead_letters_holds_up_no_candle(
    kafka: RunningKafka, tmp_path: Path
) -> None:
    admin, name = AdminClient({"bootstrap.servers": kafka.bootstrap}), topics.DEAD_LETTERS.name
    admin.delete_topics([name])[name].result(30)
    producer = Producer({"bootstrap.servers": kafka.bootstrap, "partitioner": "murmur2_random"})

    with Feed(kafka.bootstrap) as feed, CandleReader(kafka) as reader, a_worker(kafka, tmp_path):
        while not reader.candles:
            reader.read()
        for symbol in SYMBOLS:
            producer.produce(topics.TRADES.name, b"rubbish", symbol)
        producer.flush()
        until = len(feed.sent) + 100
        while len(feed.sent) < until:
            reader.read()
        feed.stop()
        truth = feed.candles()
        reader.read_until_all_of(truth, within_s=PATIENCE_S)

    assert differences(newest_revisions(reader.candles), truth) == []


def test_a_record_of_a_newer_version_stops_its_partition_and_no_other(
    kafka: RunningKafka, tmp_path: Path
) -> None:
    producer = Producer({"bootstrap.servers": kafka.bootstrap, "partitioner": "murmur2_random"})
    newer: list[tuple[int | None, int | None]] = []
    producer.produce(
        topics.TRADES.name,
        b"\0\0\0\0\1abc",
        "COIN0USDT",
        headers=[("contract", b"trade_block.v99")],
        on_delivery=lambda _, m: newer.append((m.partition(), m.offset())),
    )
    producer.flush()
    ((partition, offset),) = newer
    assert partition is not None
    assert offset is not None
    groups = Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": topics.CANDLE_APP})

    with Feed(kafka.bootstrap) as feed, CandleReader(kafka) as reader, a_worker(kafka, tmp_path):
        wanted = {symbol for symbol in SYMBOLS if partition_of(symbol, producer) != partition}
        reader.read_until(lambda: {c.symbol for c in reader.candles} == wanted, within_s=PATIENCE_S)
        feed.stop()
        everywhere = [TopicPartition(topics.TRADES.name, i) for i in range(PARTITIONS)]
        ends = {i: groups.get_watermark_offsets(tp)[1] for i, tp in enumerate(everywhere)}
        ends[partition] = offset
        committed: dict[int, int] = {}
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline and committed != ends:
            committed = {
                i: max(at, 0) for i, at in enumerate(committed_offsets(groups, everywhere))
            }
    groups.close()

    assert {c.symbol for c in reader.candles} == wanted
    assert committed == ends


def partition_of(symbol: str, producer: Producer) -> int:
    """Where Kafka puts a symbol's blocks."""
    places: list[int | None] = []
    producer.produce(
        topics.CANDLES_LIVE.name, b"", symbol, on_delivery=lambda _, m: places.append(m.partition())
    )
    producer.flush()
    return places[0] or 0
