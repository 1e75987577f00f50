"""The API's Kafka thread: no record ends it, and an end of it ends the process."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeGuard, cast

import pytest
from confluent_kafka import Producer

from api.live import arrived
from api.live.events import Event, Live, event_of
from api.live.position import Place
from api.live.tail import Tail
from schemas import codecs, topics
from schemas.market import Candle
from tests.support.api_market import a_quarter, say
from tests.support.api_process import RunningApi, migrated, running_api
from tests.support.api_stream import metric, streaming
from tests.support.messages import Sent, sent
from tests.support.servers import RunningClickHouse, RunningKafka, running_clickhouse, running_kafka

DEADLINE_S = 20.0


@dataclass(frozen=True, slots=True)
class Servers:
    folder: Path
    kafka: RunningKafka
    clickhouse: RunningClickHouse


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    folder = tmp_path_factory.mktemp("live")
    with running_clickhouse(folder / "ch") as clickhouse, running_kafka(folder / "k") as kafka:
        migrated(clickhouse)
        yield Servers(folder, kafka, clickhouse)


@pytest.fixture(scope="module")
def api(servers: Servers) -> Iterator[RunningApi]:
    with running_api(servers.folder / "api", servers.kafka, servers.clickhouse) as running:
        yield running


def eventually(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def send(servers: Servers, message: Sent) -> None:
    """Put one message as it is into the live candles."""
    producer = Producer(
        {
            "bootstrap.servers": servers.kafka.bootstrap,
            "partitioner": "murmur2_random",
            "log_level": 0,
        }
    )
    name = topics.CANDLES_LIVE.name
    producer.produce(name, message.value(), message.key(), headers=message.headers())
    assert producer.flush(20) == 0


def live(number: int, symbol: str = "BTCUSDT") -> Candle:
    candle = a_quarter(number, symbol)
    return replace(candle, status="open", revision=0, event_ms=candle.open_ms + 60_000)


@pytest.mark.parametrize("event_ms", [2**63 - 1, -(2**63), 10**14])
def test_what_cannot_be_shown_is_passed_over_and_counted(
    servers: Servers, api: RunningApi, event_ms: int
) -> None:
    counted = "candlewick_api_unreadable_records"
    before = metric(api, counted)
    with streaming(api, "?kinds=candle-live") as client:
        client.take(1, "hello")
        send(servers, sent(replace(live(1), event_ms=event_ms)))
        say(servers.kafka, topics.CANDLES_LIVE, [live(2)])
        found = client.take(1, "candle-live")

    assert found[0].data["open_ms"] == live(2).open_ms
    assert metric(api, counted) == before + 1
    assert metric(api, "candlewick_api_listening") == 1


class Loop:
    """Where the thread hands things to; it can refuse them."""

    def __init__(self, *, closed: bool = False) -> None:
        self.arrived: list[arrived.Arrived] = []
        self.closed = closed

    def call_soon_threadsafe(self, call: Callable[..., None], argument: object) -> None:
        if self.closed:
            raise RuntimeError("Event loop is closed")
        call(argument)


def following(servers: Servers, loop: Loop, left: list[str]) -> Tail:
    tail = Tail(servers.kafka.settings, lambda _: None, loop.arrived.append, left.append)
    tail.start(cast("Any", loop))
    return tail


def test_whatever_is_wrong_with_one_record_the_others_are_shown(
    servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    def not_of_ether(record: Candle, place: Place, offset: int) -> Event:
        if record.symbol == "ETHUSDT":
            raise OverflowError("a fault that nobody has thought of")
        return event_of(record, place, offset)

    monkeypatch.setattr(arrived, "event_of", not_of_ether)
    say(servers.kafka, topics.CANDLES, [a_quarter(1), a_quarter(1, "ETHUSDT"), a_quarter(2)])
    loop, left = Loop(), list[str]()
    tail = following(servers, loop, left)
    try:
        eventually(lambda: shown(loop) >= {a_quarter(1).open_ms, a_quarter(2).open_ms})
        eventually(lambda: any(batch.skipped for batch in loop.arrived))
        assert tail.trouble is None
        assert left == []
    finally:
        tail.stop()


def test_a_partition_that_stands_still_has_another_client_and_nothing_is_lost_or_doubled(
    servers: Servers, caplog: pytest.LogCaptureFixture
) -> None:
    loop, left = Loop(), list[str]()
    tail = following(servers, loop, left)
    try:
        say(servers.kafka, topics.CANDLES, [a_quarter(11)])
        eventually(lambda: a_quarter(11).open_ms in shown(loop))
        assert (topics.CANDLES.name, 0) in tail._read_to()

        tail._open_again("nothing was read from a partition")
        eventually(lambda: "nothing was read from a partition" in caplog.text)
        say(servers.kafka, topics.CANDLES, [a_quarter(12)])
        eventually(lambda: a_quarter(12).open_ms in shown(loop))
    finally:
        tail.stop()

    times = [i.record.open_ms for batch in loop.arrived for i in batch.items if is_candle(i.record)]
    assert [times.count(a_quarter(n).open_ms) for n in (11, 12)] == [1, 1]
    assert left == []


def shown(loop: Loop) -> set[int]:
    return {i.record.open_ms for batch in loop.arrived for i in batch.items if is_candle(i.record)}


def is_candle(record: Live) -> TypeGuard[Candle]:
    return isinstance(record, Candle)


def test_an_end_of_the_thread_ends_the_process_and_is_told(servers: Servers) -> None:
    left: list[str] = []
    tail = following(servers, Loop(closed=True), left)
    eventually(lambda: bool(left))

    assert "Event loop is closed" in left[0]
    assert "has ended" in str(tail.trouble)
    tail.stop()


def test_a_record_of_a_newer_version_stops_its_partition_alone_and_is_told(
    servers: Servers,
) -> None:
    newer = Sent(b"BTCUSDT", b"\0\0\0\0\1new", ((codecs.CONTRACT_HEADER, b"candle.v2"),))
    send(servers, newer)
    with running_api(servers.folder / "older", servers.kafka, servers.clickhouse) as api:
        with streaming(api, "?kinds=candle-live,candle") as client:
            client.take(1, "hello")
            say(servers.kafka, topics.CANDLES_LIVE, [live(3), live(3, "ETHUSDT")])
            say(servers.kafka, topics.CANDLES, [a_quarter(3)])
            found = client.take(2)
        with api.client() as http:
            reasons = str(http.get("/healthcheck").json()["reasons"])
            assert http.get("/readyz").status_code == 200

    assert {(e.name, e.data["symbol"]) for e in found} == {
        ("candle", "BTCUSDT"),
        ("candle-live", "ETHUSDT"),
    }
    assert f"{topics.CANDLES_LIVE.name} [" in reasons
    assert "a record of candle.v2" in reasons
