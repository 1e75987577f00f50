"""The producers' Kafka: letters that fit and come once, clients that are lost, nothing done."""

import asyncio
import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
from confluent_kafka import KafkaError, Producer

from clients.kafka.reader import TopicReader
from clients.process import START_ME_AGAIN
from producers.binance.parse import parse_frame
from producers.bulk_publisher import BulkPublisher
from producers.coingecko.publish import _newest_days
from producers.history.inventory import Ledger
from producers.trades.publisher import Publisher
from producers.trades.resume import read_past
from producers.unacknowledged import Unacknowledged
from producers.watchdog import delivering, watched
from schemas import topics
from schemas.dead_letters import LARGEST_VALUE, DeadLetter, Origin, read_letter
from schemas.errors import ConfigurationError, PoisonMessage, RestartNeeded
from schemas.settings import KafkaSettings
from tests.support.builders import START_MS, a_block, a_trade
from tests.support.servers import RunningKafka, running_kafka

DEADLINE_S = 20.0


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningKafka]:
    with running_kafka(tmp_path_factory.mktemp("kafka"), partitions=2) as server:
        yield server


def letters(kafka: RunningKafka) -> list[DeadLetter]:
    tail = TopicReader(kafka.settings, "letters")
    try:
        return [read_letter(m.value(), m.headers()) for m in tail.new(topics.DEAD_LETTERS)]
    finally:
        tail.close()


def test_giant_frame_with_one_bad_field_becomes_a_letter_and_the_process_goes_on(
    kafka: RunningKafka,
) -> None:
    raw = b'{"e":"aggTrade","E":1672515782136,"s":"BNBBTC","p":"' + b"9" * 990_000 + b'"}'
    with pytest.raises(PoisonMessage) as caught:
        parse_frame(raw)
    publisher = Publisher(kafka.settings)

    assert publisher.send_dead_letter(raw, Origin(f"{caught.value}{raw!r}", source="ws://x"))
    assert publisher.send(a_block([a_trade()]))
    assert publisher.close(DEADLINE_S) == 0
    publisher.serve()

    letter = next(one for one in letters(kafka) if one.length == len(raw))
    assert letter.value == raw[:LARGEST_VALUE]
    assert letter.sha256 == hashlib.sha256(raw).hexdigest()


def test_record_that_cannot_be_true_is_a_letter_and_what_follows_is_published(
    kafka: RunningKafka,
) -> None:
    publisher = Publisher(kafka.settings)

    assert publisher.send(a_block([a_trade(7)], watermark_ms=START_MS + 7_200_000))
    assert publisher.send(a_block([a_trade(8)]))
    assert publisher.close(DEADLINE_S) == 0
    publisher.serve()

    reasons = [one.origin.reason for one in letters(kafka)]
    assert any("watermark" in reason and topics.TRADES.name in reason for reason in reasons)


def test_every_topic_that_is_read_has_dead_letters_and_a_record_has_one(
    kafka: RunningKafka,
) -> None:
    read = (
        *(topics.TRADES, topics.GAPS, topics.KLINES),
        *(topics.HISTORY, topics.ARCHIVES, topics.COIN_DAYS),
    )
    producer = Producer({"bootstrap.servers": kafka.bootstrap})
    for topic in read:
        producer.produce(topic.name, b"no avro", key=b"BTCUSDT")
    producer.flush(DEADLINE_S)

    for _ in range(2):  # as two runs do
        read_past(kafka.settings, ["BTCUSDT"])
        ledger = Ledger(kafka.settings)
        ledger.refresh([("BTCUSDT", "1m")])
        ledger.refresh([("BTCUSDT", "1m")])
        ledger.close()
        _newest_days(kafka.settings)

    found = [one.origin for one in letters(kafka) if one.origin.topic]
    assert sorted(one.topic for one in found) == sorted(topic.name for topic in read)
    assert {one.reader for one in found} == {"stream", "backfill", "coins"}
    assert all(one.key == b"BTCUSDT" and one.reason for one in found)


@pytest.mark.slow  # each look-up waits as long as it may
def test_start_over_a_frozen_kafka_ends_with_a_clear_error(kafka: RunningKafka) -> None:
    os.kill(kafka.pid, signal.SIGSTOP)
    begun_s = time.monotonic()
    try:
        for start in (
            lambda: read_past(kafka.settings, ["BTCUSDT"]),
            lambda: Ledger(kafka.settings).refresh([("BTCUSDT", "1m")]),
        ):
            with pytest.raises(ConfigurationError, match="does not answer"):
                start()
    finally:
        os.kill(kafka.pid, signal.SIGCONT)

    assert time.monotonic() - begun_s < 60
    assert read_past(kafka.settings, ["BTCUSDT"])


def test_fatal_error_of_the_client_asks_for_a_new_process() -> None:
    lost = KafkaError(KafkaError._FATAL, "shut out", fatal=True)
    publisher = Publisher(KafkaSettings(bootstrap_servers="127.0.0.1:1"))
    publisher._on_error(lost)
    with pytest.raises(RestartNeeded):
        publisher.serve()

    async def run() -> None:
        async with BulkPublisher(KafkaSettings(bootstrap_servers="127.0.0.1:1")).serving() as bulk:
            bulk._on_error(lost)
            await bulk.page(topics.KLINES, "BTCUSDT", 0, [b"x"])

    with pytest.raises(RestartNeeded):
        asyncio.run(run())


@pytest.mark.parametrize("command", ["stream", "backfill", "coins"])
def test_process_that_cannot_go_on_ends_to_be_started_again(command: str) -> None:
    script = f"""
import asyncio, sys
import producers.__main__ as program
from schemas.errors import RestartNeeded

async def lost(_):
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(fail())

async def fail():
    raise RestartNeeded("Kafka has shut this client out")

from importlib import import_module
module, name = program.COMMANDS["{command}"]
setattr(import_module(module), name, lost)
sys.argv = ["producers", "{command}"]
sys.exit(program.main())
"""
    ended = subprocess.run(
        [sys.executable, "-c", script], stderr=subprocess.PIPE, text=True, timeout=60, check=False
    )

    assert ended.returncode == START_ME_AGAIN == os.EX_TEMPFAIL
    assert "shut this client out" in ended.stderr
    assert "Traceback" not in ended.stderr


@asynccontextmanager
async def watched_delivery(
    kafka: KafkaSettings, records: Unacknowledged
) -> AsyncIterator[asyncio.Event]:
    """A process whose delivery is watched; the event says that it was given up."""
    loop, over = asyncio.get_running_loop(), asyncio.Event()

    def give_up(_: str) -> None:
        loop.call_soon_threadsafe(over.set)

    async with delivering(kafka, records, limit_s=0.2, give_up=give_up):
        yield over


def waiting() -> Unacknowledged:
    records = Unacknowledged()
    records.sent(topics.TRADES.name, b"BTCUSDT")
    return records


def test_records_that_wait_for_a_kafka_that_answers_end_the_process(kafka: RunningKafka) -> None:
    nobody = KafkaSettings(bootstrap_servers="127.0.0.1:1")

    async def run() -> tuple[bool, bool]:
        async with (
            watched_delivery(kafka.settings, Unacknowledged()) as idle,
            watched_delivery(nobody, waiting()) as away,
        ):
            for _ in range(2):  # the other two have twice as long as one that is given up
                async with watched_delivery(kafka.settings, waiting()) as stuck:
                    await asyncio.wait_for(stuck.wait(), DEADLINE_S)
            return idle.is_set(), away.is_set()

    assert asyncio.run(run()) == (False, False)


def test_records_of_one_symbol_that_wait_while_others_are_taken_end_the_process(
    kafka: RunningKafka,
) -> None:
    async def run() -> int:
        records = waiting()
        async with watched_delivery(kafka.settings, records) as stuck:
            while not stuck.is_set():
                records.sent(topics.TRADES.name, b"ETHUSDT")
                records.acknowledged(topics.TRADES.name, b"ETHUSDT")
                await asyncio.sleep(0)
        return records.done

    assert asyncio.run(run()) > 0


def test_loop_that_has_input_and_does_nothing_ends_the_process() -> None:
    async def run() -> str:
        loop = asyncio.get_running_loop()
        reason: asyncio.Future[str] = loop.create_future()

        def give_up(why: str) -> None:
            loop.call_soon_threadsafe(reason.set_result, why)

        async with watched(lambda: 5, lambda: True, limit_s=0.2, give_up=give_up):
            return await asyncio.wait_for(reason, DEADLINE_S)

    assert "no progress" in asyncio.run(run())
