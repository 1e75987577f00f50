"""What a client of the stream may choose is the same over server-sent events and a websocket."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from urllib.parse import urlencode

import pytest
from fastapi import FastAPI
from starlette.types import Message

from api.accounts.authentication import open_gate
from api.app import build_app
from api.live.events import Event
from api.live.kinds import Kind
from api.live.position import LONGEST, position_text
from schemas.settings import ApiSettings, Settings
from tests.support.asgi_stream import ADDRESS, sse, websocket

PLACE = (Kind.CANDLE, 0)
COMPOSED, DECOMPOSED = "\u00c9USDT", "E\u0301USDT"
WRONG = {
    "too many symbols": {"symbols": ",".join(f"COIN{n}" for n in range(401))},
    "a symbol that can be none": {"symbols": "BTC-USDT"},
    "a symbol that is too long": {"symbols": "B" * 65},
    "a kind that is none": {"kinds": "candle,nonsense"},
    "a position that is none": {"since": "x"},
    "a position that is too long": {"since": "c0:1," * (LONGEST // 5 + 1)},
}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    settings = Settings(
        data_dir=tmp_path_factory.mktemp("api"),
        api=ApiSettings(stream_clients=4, stream_clients_of_one=2, heartbeat_s=60),
    )
    with open_gate(settings) as gate:
        built = build_app(settings, gate)
        built.state.parts.feed.hub.begin({PLACE: 0})
        yield built


@asynccontextmanager
async def two_of(app: FastAPI, address: str) -> AsyncIterator[None]:
    """Two clients of an address, which have their places."""
    async with (
        websocket(app, {}, address=address) as first,
        websocket(app, {}, address=address) as second,
    ):
        await first.until(2)
        await second.until(2)
        yield


async def first_of(app: FastAPI, query: dict[str, str], **headers: str) -> tuple[Message, Message]:
    """The first that is sent over server-sent events, and over a websocket."""
    async with sse(app, headers, urlencode(query)) as client:
        await client.until(1)
        over_sse = client.messages[0]
    async with websocket(app, headers, urlencode(query)) as client:
        await client.until(1)
        return over_sse, client.messages[0]


@pytest.mark.parametrize("query", WRONG.values(), ids=WRONG)
def test_what_cannot_be_chosen_is_refused_with_the_reason(
    app: FastAPI, query: dict[str, str]
) -> None:
    over_sse, over_websocket = asyncio.run(first_of(app, query))

    assert over_sse["status"] == 422
    assert over_websocket["type"] == "websocket.close"
    assert over_websocket["code"] == 1008
    assert 0 < len(over_websocket["reason"].encode()) <= 123


def test_a_token_that_is_not_valid_is_refused(app: FastAPI) -> None:
    over_sse, over_websocket = asyncio.run(first_of(app, {}, authorization="Bearer nonsense"))

    assert over_sse["status"] == 401
    assert over_websocket["code"] == 1008


def test_a_client_for_whom_there_is_no_room_is_told_to_come_back(app: FastAPI) -> None:
    async def play() -> tuple[Message, Message]:
        async with two_of(app, "192.0.2.8"), two_of(app, "192.0.2.9"):
            return await first_of(app, {})

    over_sse, over_websocket = asyncio.run(play())

    assert over_sse["status"] == 503
    assert over_websocket["code"] == 1013


def test_an_address_with_its_share_of_the_places_leaves_the_others_to_others(
    app: FastAPI,
) -> None:
    async def play() -> tuple[Message, Message]:
        async with two_of(app, ADDRESS), websocket(app, {}, address="192.0.2.8") as other:
            await other.until(2)  # accepted, and hello
            return await first_of(app, {})

    over_sse, over_websocket = asyncio.run(play())

    assert over_sse["status"] == 429
    assert dict(over_sse["headers"])[b"retry-after"] == b"5"
    assert over_websocket["code"] == 1013
    assert "your address has 2 streams open" in over_websocket["reason"]


@pytest.mark.parametrize("partitions", [4, 126, 500])
def test_an_id_of_many_partitions_resumes(app: FastAPI, partitions: int) -> None:
    reached = {(kind, number): 10**9 for kind in Kind for number in range(partitions)}
    said = position_text(reached, Kind)

    over_sse, over_websocket = asyncio.run(first_of(app, {"since": said}))
    by_header, _ = asyncio.run(first_of(app, {}, **{"last-event-id": said}))

    assert over_sse["status"] == by_header["status"] == 200
    assert over_websocket["type"] == "websocket.accept"


def test_as_many_symbols_as_are_allowed_are_taken(app: FastAPI) -> None:
    query = {"symbols": ",".join(f"COIN{n}" for n in range(400)), "kinds": "candle,gap"}

    over_sse, over_websocket = asyncio.run(first_of(app, query))

    assert over_sse["status"] == 200
    assert over_websocket["type"] == "websocket.accept"


def test_a_symbol_is_found_however_its_letters_are_put_together(app: FastAPI) -> None:
    async def play() -> None:
        async with websocket(app, {}, urlencode({"symbols": DECOMPOSED.lower()})) as client:
            await client.until(2)  # accepted, and hello
            app.state.parts.feed.hub.publish([Event(PLACE, 0, COMPOSED, b"{}")])
            await client.until(3)
            assert '"event":"candle"' in client.messages[2]["text"]

    asyncio.run(play())
