"""`candlewick.subscribe` and the example that uses it, on a real Kafka."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Literal

import pytest
from confluent_kafka import OFFSET_END, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

import candlewick
from candlewick.client.subscription import Subscription
from candlewick.stack.ports import free_port
from clients.kafka.partition import partition_of
from clients.kafka.unread import Unread
from schemas import topics
from schemas.codecs import message_of
from schemas.market import Candle
from schemas.replayed import REPLAYED
from tests.support.api_market import a_prediction, a_quarter, say
from tests.support.builders import START_MS, a_block, trades_at
from tests.support.kafka_process import RunningKafka, running_kafka

EXAMPLE = Path(__file__).parents[2] / "examples" / "print_candles.py"
TIMES = [START_MS + 5, START_MS + 6, START_MS + 7]
ANSWER_S = 30
QUARTERS = [a_quarter(n, symbol) for n in range(20) for symbol in ("BTCUSDT", "ETHUSDT")]


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningKafka]:
    with running_kafka(tmp_path_factory.mktemp("k")) as running:
        say(running, topics.CANDLES, QUARTERS)
        say(running, topics.PREDICTIONS, [a_prediction(), a_prediction(model="reference")])
        yield running


def opens(candles: Iterable[Candle]) -> list[int]:
    return [candle.open_ms for candle in candles]


def remove_all(kafka: RunningKafka, topic: str) -> None:
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap, "log_level": 0})
    all_of_it = [TopicPartition(topic, p, OFFSET_END) for p in range(4)]
    for removed in admin.delete_records(all_of_it).values():
        removed.result()


def test_all_that_a_topic_holds_comes_as_records_in_order_of_each_key(kafka: RunningKafka) -> None:
    with candlewick.subscribe(
        "market.candles.v1", start="beginning", follow=False, servers=kafka.bootstrap
    ) as candles:
        found = list(candles)

    assert len(found) == 40
    assert [c for c in found if c.symbol == "ETHUSDT"] == QUARTERS[1::2]


def test_what_is_there_has_an_end_although_records_keep_coming(tmp_path: Path) -> None:
    with running_kafka(tmp_path / "kafka") as own:
        say(own, topics.CANDLES, QUARTERS[:6:2])
        producer = Producer({"bootstrap.servers": own.bootstrap, "log_level": 0, "linger.ms": 0})
        more = message_of(QUARTERS[6])
        deadline = time.monotonic() + ANSWER_S
        for group in (None, "busy"):
            with candlewick.subscribe(
                "market.candles.v1",
                start="beginning",
                group=group,
                follow=False,
                servers=own.bootstrap,
            ) as candles:
                found = list[Candle]()
                while not candles.ended:  # a record follows on each one, before any end is told
                    assert time.monotonic() < deadline
                    producer.produce(topics.CANDLES.name, more.value, more.key)
                    assert producer.flush(ANSWER_S) == 0
                    found += filter(None, [candles.poll(0.1)])

            assert found[:3] == QUARTERS[:6:2]


@pytest.mark.parametrize("group", [None, "stands-still"])
def test_a_new_client_goes_on_where_a_partition_stands_still(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, group: str | None
) -> None:
    quick = partial(Unread, patience_s=3.0, look_s=0.05)  # a new client has to connect first
    monkeypatch.setattr("clients.kafka.unread.Unread", quick)
    with running_kafka(tmp_path / "kafka") as own:
        say(own, topics.CANDLES, QUARTERS[:2])
        with candlewick.subscribe(
            "market.candles.v1", start="beginning", group=group, servers=own.bootstrap
        ) as candles:
            found = [next(candles), next(candles)]
            old = candles._consumer
            stuck = [
                place for place in old.assignment() if place.partition == partition_of("BTCUSDT", 4)
            ]
            old.pause(stuck)  # as if another broker were asked
            say(own, topics.CANDLES, QUARTERS[2:4])
            found += filter(None, [candles.poll(ANSWER_S), candles.poll(ANSWER_S)])

            assert candles._consumer is not old
            assert candles.poll(1) is None

    by_symbol = sorted(found, key=lambda candle: (candle.symbol, candle.open_ms))
    assert by_symbol == [QUARTERS[n] for n in (0, 2, 1, 3)]


def test_candles_that_a_replay_made_come_only_when_asked_for(tmp_path: Path) -> None:
    with running_kafka(tmp_path / "kafka") as kafka:
        say(kafka, topics.CANDLES, QUARTERS[:6:2], headers=[REPLAYED])
        say(kafka, topics.CANDLES, QUARTERS[6:10:2])
        found = {}
        for replayed in (False, True):
            with candlewick.subscribe(
                "market.candles.v1",
                start="beginning",
                follow=False,
                replayed=replayed,
                servers=kafka.bootstrap,
            ) as candles:
                found[replayed] = list(candles)

    assert found == {False: QUARTERS[6:10:2], True: QUARTERS[:10:2]}


def test_only_the_named_symbols_come(kafka: RunningKafka) -> None:
    with candlewick.subscribe(
        "market.candles.v1",
        symbols=["ethusdt"],
        start="beginning",
        follow=False,
        servers=kafka.bootstrap,
    ) as candles:
        assert list(candles) == QUARTERS[1::2]


def test_latest_is_what_is_written_after_the_call(kafka: RunningKafka) -> None:
    with candlewick.subscribe("market.trades.v1", servers=kafka.bootstrap) as blocks:
        say(kafka, topics.TRADES, [a_block(trades_at(*TIMES))])

        block = next(blocks)

    assert block.event_ms.tolist() == TIMES


def test_a_moment_begins_with_what_was_written_since(kafka: RunningKafka) -> None:
    now = datetime.now(UTC)
    for start, expected in ((now - timedelta(hours=1), 40), (now + timedelta(hours=1), 0)):
        with candlewick.subscribe(
            "market.candles.v1", start=start, follow=False, servers=kafka.bootstrap
        ) as candles:
            assert len(list(candles)) == expected


def test_an_offset_begins_there(kafka: RunningKafka) -> None:
    starts = dict.fromkeys(range(4), 15)
    with candlewick.subscribe(
        "market.candles.v1", symbols=["BTCUSDT"], start="beginning", servers=kafka.bootstrap
    ) as all_of_them:
        assert next(all_of_them) == QUARTERS[0]

    with pytest.raises(candlewick.ConfigurationError, match="has offsets 0 to"):
        candlewick.subscribe("market.candles.v1", start=starts, servers=kafka.bootstrap)


@pytest.mark.parametrize("group", [None, "names-no-partition"])
def test_a_partition_that_does_not_exist_is_named(kafka: RunningKafka, group: str | None) -> None:
    with pytest.raises(candlewick.ConfigurationError, match="has partitions 0 to 3, not 7"):
        candlewick.subscribe(
            "market.candles.v1", start={0: 0, 7: 5}, group=group, servers=kafka.bootstrap
        )


def test_a_group_goes_on_where_it_stopped(kafka: RunningKafka) -> None:
    def read(count: int) -> list[int]:
        with candlewick.subscribe(
            "market.candles.v1",
            symbols=["BTCUSDT"],
            start="beginning",
            group="one-after-the-other",
            follow=False,
            servers=kafka.bootstrap,
        ) as candles:
            return opens(islice(candles, count))

    assert read(5) + read(50) == opens(QUARTERS[0::2])


def test_members_beyond_the_partitions_of_a_group_end_while_others_follow(
    kafka: RunningKafka,
) -> None:
    def join(*, follow: bool) -> Subscription[Candle]:
        return candlewick.subscribe(
            "market.candles.v1",
            start="beginning",
            group="many",
            follow=follow,
            servers=kafka.bootstrap,
        )

    with ExitStack() as stack:
        members = [stack.enter_context(join(follow=n < 4)) for n in range(8)]
        deadline = time.monotonic() + ANSWER_S
        while not all(member.ended for member in members[4:]):
            assert time.monotonic() < deadline
            for member in members:
                member.poll(0.02)


def test_latest_of_a_group_is_what_is_written_after_the_call(kafka: RunningKafka) -> None:
    with candlewick.subscribe(
        "market.candles-live.v1", group="joins-later", servers=kafka.bootstrap
    ) as candles:
        say(kafka, topics.CANDLES_LIVE, QUARTERS[:1])  # it has not joined yet

        assert candles.poll(ANSWER_S) == QUARTERS[0]


def test_a_group_that_joins_after_its_first_record_is_gone_is_told_what_to_do(
    kafka: RunningKafka,
) -> None:
    with candlewick.subscribe(
        "market.candles-live.v1", group="joins-too-late", servers=kafka.bootstrap
    ) as candles:
        say(kafka, topics.CANDLES_LIVE, QUARTERS[:1])
        remove_all(kafka, topics.CANDLES_LIVE.name)

        with pytest.raises(candlewick.ConfigurationError, match="give start='beginning'"):
            candles.poll(ANSWER_S)


def test_a_group_that_has_read_nothing_yet_goes_on_where_it_began(kafka: RunningKafka) -> None:
    def read() -> list[Candle]:
        with candlewick.subscribe(
            "market.candles-1s.v1", group="reads-nothing", follow=False, servers=kafka.bootstrap
        ) as candles:
            return list(candles)

    say(kafka, topics.CANDLES_1S, QUARTERS[:4])
    assert read() == []
    say(kafka, topics.CANDLES_1S, QUARTERS[4:5])

    assert read() == QUARTERS[4:5]


def test_a_group_whose_next_record_is_gone_goes_on_as_it_is_advised(tmp_path: Path) -> None:
    def read(count: int, start: Literal["beginning", "latest"]) -> list[Candle]:
        with candlewick.subscribe(
            "market.candles.v1",
            start=start,
            group="long-away",
            follow=False,
            servers=own.bootstrap,
        ) as candles:
            return list(islice(candles, count))

    with running_kafka(tmp_path / "kafka") as own:
        say(own, topics.CANDLES, QUARTERS[:10:2])
        assert read(2, "beginning") == QUARTERS[:4:2]
        remove_all(own, topics.CANDLES.name)
        say(own, topics.CANDLES, QUARTERS[10:16:2])

        with pytest.raises(candlewick.ConfigurationError, match="give start='beginning'"):
            read(1, "latest")
        assert read(1, "beginning") == QUARTERS[10:12:2]
        assert read(5, "latest") == QUARTERS[12:16:2]  # it has an offset again


def test_a_record_on_which_a_group_failed_comes_again(kafka: RunningKafka) -> None:
    def read_two_and_fail() -> None:
        with candlewick.subscribe(
            "market.candles.v1",
            symbols=["BTCUSDT"],
            start="beginning",
            group="fails",
            servers=kafka.bootstrap,
        ) as candles:
            found.extend(islice(candles, 2))
            raise RuntimeError

    found: list[Candle] = []
    for _ in range(2):
        with pytest.raises(RuntimeError):
            read_two_and_fail()

    assert found == [QUARTERS[n] for n in (0, 2, 2, 4)]


def test_a_record_that_cannot_be_read_is_named_and_may_be_passed(kafka: RunningKafka) -> None:
    producer = Producer({"bootstrap.servers": kafka.bootstrap, "log_level": 0})
    good = message_of(a_quarter(1))
    for value in (b"\x00\x00", good.value):
        producer.produce(topics.KLINES.name, value, good.key, partition=0)
    assert producer.flush(10) == 0
    with candlewick.subscribe(
        "market.klines.v1", start="beginning", follow=False, servers=kafka.bootstrap
    ) as klines:
        with pytest.raises(candlewick.PoisonMessage, match=r"klines\.v1 partition 0 offset 0"):
            next(klines)

        assert list(klines) == [a_quarter(1)]


def test_what_cannot_be_is_said_in_one_line(kafka: RunningKafka) -> None:
    servers = kafka.bootstrap
    with pytest.raises(candlewick.ConfigurationError, match="no topic orders"):
        candlewick.subscribe("orders", servers=servers)
    with pytest.raises(candlewick.ConfigurationError, match="no records of one type"):
        candlewick.subscribe("pipeline.dead-letters.v1", servers=servers)
    with pytest.raises(candlewick.ConfigurationError, match="is coin id"):
        candlewick.subscribe("market.coins.v1", symbols=["BTCUSDT"], servers=servers)
    with pytest.raises(candlewick.ConfigurationError, match="no time zone"):
        candlewick.subscribe(
            "market.gaps.v1", start=datetime.now(UTC).replace(tzinfo=None), servers=servers
        )


def test_a_broker_that_does_not_answer_is_named() -> None:
    servers = f"127.0.0.1:{free_port()}"

    with pytest.raises(candlewick.Transient, match=f"does not answer at {servers}"):
        candlewick.subscribe("market.candles.v1", servers=servers)


def run_example(kafka: RunningKafka, *arguments: str) -> subprocess.Popen[str]:
    environment = os.environ | {"CANDLEWICK_KAFKA__BOOTSTRAP_SERVERS": kafka.bootstrap}
    return subprocess.Popen(
        [sys.executable, str(EXAMPLE), *arguments],
        env=environment | {"PYTHONPATH": str(EXAMPLE.parents[1])},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_the_example_prints_candles_and_predictions(kafka: RunningKafka) -> None:
    process = run_example(kafka, "BTCUSDT", "--start", "beginning", "--once")
    output, errors = process.communicate(timeout=60)
    lines = sorted(output.splitlines())  # candles and predictions come from topics of their own

    assert (process.returncode, errors) == (0, "")
    assert lines[0] == "2023-11-14 22:15 BTCUSDT 15m closed at 101.00 after 4 trades: complete"
    assert lines[1] == (
        "2023-11-14 22:20 BTCUSDT will close at 101.00 at 2023-11-14 22:30, "
        "90 % between 97.00 and 105.00, up with 70 %"
    )
    assert len(lines) == 21


def test_the_example_ends_on_ctrl_c_without_a_trace(kafka: RunningKafka) -> None:
    process = run_example(kafka, "--start", "beginning")
    if process.stdout is None:
        raise AssertionError
    assert "close" in process.stdout.readline()  # a candle that has, or one that will
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)

    assert (process.returncode, errors) == (0, "")


def test_importing_the_package_imports_no_client() -> None:
    heavy = {"confluent_kafka", "numpy", "httpx", "pydantic"}
    code = f"import sys, candlewick; print(len({heavy} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )

    assert done.stdout.strip() == "0"


def test_every_public_name_is_there() -> None:
    assert [name for name in candlewick.__all__ if not hasattr(candlewick, name)] == []
    assert candlewick.Candle is Candle
