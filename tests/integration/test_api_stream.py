"""The live stream: nothing lost over reconnects, bounded for slow clients and for many."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from schemas import topics
from schemas.replayed import REPLAYED
from tests.support.api_market import a_gap, a_prediction, a_quarter, a_score, say
from tests.support.api_process import RunningApi, migrated, running_api
from tests.support.api_stream import Received, StreamClient, streaming, wait_for_clients
from tests.support.servers import RunningClickHouse, RunningKafka, running_clickhouse, running_kafka

CLIENTS = 12


@dataclass(frozen=True, slots=True)
class Servers:
    folder: Path
    kafka: RunningKafka
    clickhouse: RunningClickHouse


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    folder = tmp_path_factory.mktemp("stream")
    with running_clickhouse(folder / "ch") as clickhouse, running_kafka(folder / "k") as kafka:
        migrated(clickhouse)
        yield Servers(folder, kafka, clickhouse)


@pytest.fixture(scope="module")
def api(servers: Servers) -> Iterator[RunningApi]:
    limits = {"STREAM_CLIENTS": str(CLIENTS), "STREAM_QUEUE": "2000", "HEARTBEAT_S": "0.4"}
    with running_api(
        servers.folder / "api", servers.kafka, servers.clickhouse, **limits
    ) as running:
        yield running


def some_candles(servers: Servers, first: int, count: int) -> list[int]:
    """Say so many closed candles, and give their begins."""
    candles = [a_quarter(n, ("BTCUSDT", "ETHUSDT")[n % 2]) for n in range(first, first + count)]
    say(servers.kafka, topics.CANDLES, candles)
    return [candle.open_ms for candle in candles]


def begins(events: list[Received]) -> list[object]:
    return sorted(event.data["open_ms"] for event in events)


def test_what_happens_arrives_as_events_with_prices_as_text(
    servers: Servers, api: RunningApi
) -> None:
    with streaming(api) as client:
        assert client.status == 200
        assert client.headers["content-type"].startswith("text/event-stream")
        assert client.take(1)[0].name == "hello"
        prediction = a_prediction()
        say(servers.kafka, topics.CANDLES, [a_quarter(0)])
        say(servers.kafka, topics.PREDICTIONS, [prediction])
        say(servers.kafka, topics.SCORES, [a_score(prediction, error_bp=1.5)])
        say(servers.kafka, topics.GAPS, [a_gap(1, "found")])
        say(servers.kafka, topics.CANDLES_LIVE, [replace(a_quarter(1), status="open", revision=0)])
        found = {event.name: event.data for event in client.take(5)}

    assert set(found) == {"candle", "candle-live", "prediction", "score", "gap"}
    assert found["candle"]["close"] == "101.00012345"
    assert found["candle"]["open_time"] == "2023-11-14T22:15:00.000Z"
    assert found["prediction"]["low_90"] == "97"
    assert (found["prediction"]["chance_up"], found["prediction"]["open"]) == (0.7, "99")
    assert found["score"]["covered_50"] is True
    assert (found["score"]["up"], found["score"]["chance_up"]) == (True, 0.7)
    assert found["gap"]["before_ms"] is None


def test_only_what_is_wanted_arrives(servers: Servers, api: RunningApi) -> None:
    with streaming(api, "?kinds=candle,gap&symbols=ethusdt") as client:
        client.take(1, "hello")
        some_candles(servers, 0, 4)
        found = client.take(2)

    assert {event.data["symbol"] for event in found} == {"ETHUSDT"}


def test_scores_of_the_past_that_a_replay_made_are_no_news(
    servers: Servers, api: RunningApi
) -> None:
    score = a_score(a_prediction(), error_bp=1.5)
    with streaming(api, "?kinds=score") as client:
        client.take(1, "hello")
        say(servers.kafka, topics.SCORES, [replace(score, error_bp=2.5)], headers=[REPLAYED])
        say(servers.kafka, topics.SCORES, [score])
        found = client.take(1, "score")

    assert [event.data["error_bp"] for event in found] == [1.5]


def test_candles_of_the_past_that_a_replay_made_are_no_news(
    servers: Servers, api: RunningApi
) -> None:
    with streaming(api, "?kinds=candle") as client:
        client.take(1, "hello")
        say(servers.kafka, topics.CANDLES, [a_quarter(-900)], headers=[REPLAYED])
        live = some_candles(servers, 60, 1)
        found = client.take(1, "candle")

    assert begins(found) == live


def test_a_client_that_comes_back_gets_what_it_missed_and_nothing_twice(
    servers: Servers, api: RunningApi
) -> None:
    with streaming(api, "?kinds=candle") as client:
        client.take(1, "hello")
        first = some_candles(servers, 100, 20)
        seen = client.take(7)
    missed = some_candles(servers, 120, 20)
    with streaming(api, "?kinds=candle", last_id=seen[-1].id) as client:
        later = client.take(33, "candle")
        live = some_candles(servers, 140, 3)
        later += client.take(3, "candle")

    assert begins([*seen, *later]) == sorted([*first, *missed, *live])


def test_another_process_resumes_from_kafka_what_it_never_saw(
    servers: Servers, api: RunningApi
) -> None:
    with streaming(api, "?kinds=candle") as client:
        last_id = client.take(1, "hello")[0].id
    missed = some_candles(servers, 1000, 3000)  # more than a starting process reads again

    with (
        running_api(servers.folder / "other", servers.kafka, servers.clickhouse) as other,
        streaming(other, "?kinds=candle", last_id=last_id) as client,
    ):
        found = client.take(3000, "candle")

    assert begins(found) == sorted(missed)
    assert len({event.id for event in found}) == 3000


def test_a_quiet_stream_keeps_the_connection_and_moves_the_id(
    servers: Servers, api: RunningApi
) -> None:
    with streaming(api, "?kinds=candle&symbols=ETHUSDT") as client:
        hello = client.take(1, "hello")[0]
        some_candles(servers, 5000, 5)
        moved = next(b for b in client.blocks() if "event" not in b and b["id"] != hello.id)

    assert moved["id"]


def test_a_client_that_reads_nothing_is_dropped_with_a_word(
    servers: Servers, api: RunningApi
) -> None:
    with streaming(api, "?kinds=candle", receive_bytes=4096) as slow, streaming(api) as quick:
        slow.take(1, "hello")
        for number in range(12):
            some_candles(servers, 6000 + 1000 * number, 1000)
            quick.take(1000, "candle")
        wait_for_clients(api, 1)
        ended = last_event(slow)

    assert ended is None or ended.name == "dropped"


def last_event(client: StreamClient) -> Received | None:
    """The last event of a connection that the server ends; None where it cut it off."""
    found: list[Received] = []
    try:
        found += client.events()
    except (ConnectionError, ValueError):
        return None
    return found[-1]


def test_more_clients_than_allowed_are_refused_until_one_leaves(api: RunningApi) -> None:
    wait_for_clients(api, 0)
    held = [streaming(api) for _ in range(CLIENTS)]
    for client in held:
        client.__enter__()
    wait_for_clients(api, CLIENTS)

    for _ in range(40):
        refused = httpx.get(f"{api.url}/v1/stream")
        assert refused.status_code == 503
    for client in held:
        client.__exit__(None, None, None)
    wait_for_clients(api, 0)
    with streaming(api) as client:
        assert client.status == 200

    assert refused.json()["type"] == "/problems/too-many-clients"
    assert refused.headers["retry-after"] == "5"


@pytest.mark.parametrize("last_id", ["x", "c0:-1", "z0:1", "c0:1;drop", "c0:" + "9" * 30])
def test_an_id_that_is_none_is_refused(api: RunningApi, last_id: str) -> None:
    answer = httpx.get(f"{api.url}/v1/stream", headers={"Last-Event-ID": last_id})

    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_websocket_says_the_same_and_resumes(servers: Servers, api: RunningApi) -> None:
    url = api.url.replace("http", "ws") + "/v1/stream/ws?kinds=candle&symbols=BTCUSDT"
    with connect(url) as socket:
        hello = json.loads(socket.recv(20))
        some_candles(servers, 30_000, 2)
        event = next_event(socket)
    with connect(f"{url}&since={hello['id']}") as socket:
        again = next_event(socket)

    assert hello["event"] == "hello"
    assert event["data"]["symbol"] == "BTCUSDT"
    assert again == event


def test_an_id_of_hundreds_of_partitions_resumes_however_it_comes(
    servers: Servers, api: RunningApi
) -> None:
    query = "kinds=candle&symbols=BTCUSDT"
    with streaming(api, f"?{query}") as client:
        real = client.take(1, "hello")[0].id
        said = some_candles(servers, 40_000, 1)
        client.take(1, "candle")
    others = (f"{letter}{number}:1234567890" for letter in "clpsg" for number in range(100, 600))
    place = ",".join([real, *others])

    with streaming(api, f"?{query}", last_id=place) as client:
        by_header = client.take(1, "candle")
    with streaming(api, f"?{query}&since={quote(place)}") as client:
        by_address = client.take(1, "candle")
    url = api.url.replace("http", "ws")
    with connect(f"{url}/v1/stream/ws?{query}&since={quote(place)}") as socket:
        over_websocket = next_event(socket)

    assert begins(by_header) == begins(by_address) == said
    assert over_websocket["data"]["open_ms"] == said[0]  # type: ignore[index]


def next_event(socket: object) -> dict[str, object]:
    while True:
        message: dict[str, object] = json.loads(socket.recv(20))  # type: ignore[attr-defined]
        if message["event"] == "candle":
            return message


def test_a_websocket_that_asks_for_nonsense_is_closed(api: RunningApi) -> None:
    url = api.url.replace("http", "ws") + "/v1/stream/ws?kinds=nonsense"

    with pytest.raises(Exception, match=r"403|rejected") as caught, connect(url):
        pass

    assert not isinstance(caught.value, ConnectionClosed)
