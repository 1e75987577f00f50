"""An open stream ends when its user may no longer read."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.types import Message

from api import access
from api.accounts.authentication import Gate, now_ms, open_gate
from api.accounts.users import NewUser, Role
from api.app import build_app
from api.live.kinds import Kind
from api.routes import stream
from schemas.settings import ApiSettings, Settings
from tests.support.api_stage import PASSWORD
from tests.support.asgi_stream import sse, websocket

HOUR_MS = 3_600_000
ENDS: dict[str, Callable[[Gate], object]] = {
    "removed": lambda gate: gate.users.remove("ada"),
    "another password": lambda gate: gate.change_password("ada", f"{PASSWORD} 2"),
    "all tokens forgotten": lambda gate: gate.tokens.rotate(forget=True),
}


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    with open_gate(Settings(data_dir=tmp_path)) as opened:
        opened.add([NewUser("ada", Role.VIEWER, PASSWORD)])
        yield opened


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "ASK_AGAIN_S", 0.0)


def an_app(gate: Gate, *, public_read: bool = False) -> FastAPI:
    limits = ApiSettings(public_read=public_read, heartbeat_s=0.01)
    app = build_app(Settings(api=limits), gate)
    app.state.parts.feed.hub.begin({(Kind.CANDLE, 0): 0})
    return app


def headers_of(gate: Gate) -> dict[str, str]:
    user = gate.users.find("ada")
    assert user is not None
    return {"authorization": f"Bearer {gate.tokens.make(user)}"}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_a_stream_ends_with_a_word_when_its_token_does(
    gate: Gate, end: Callable[[Gate], object]
) -> None:
    async def play() -> str:
        async with sse(an_app(gate), headers_of(gate)) as client:
            await client.until(2)
            await asyncio.to_thread(end, gate)
            await client.ended()
            assert client.messages[-1]["more_body"] is False
            return client.text

    text = asyncio.run(play())

    assert "event: hello" in text
    assert text.endswith(
        'event: dropped\ndata: {"reason":"the token is not valid any more: sign in again"}\n\n'
    )


def test_a_stream_ends_when_its_token_expires_however_seldom_users_are_looked_up(
    gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "ASK_AGAIN_S", 3600.0)

    async def play() -> None:
        async with sse(an_app(gate), headers_of(gate)) as client:
            await client.until(5)
            monkeypatch.setattr(access, "now_ms", lambda: now_ms() + HOUR_MS)
            await client.ended()
            assert "event: dropped" in client.text

    asyncio.run(play())


def test_a_stream_that_everybody_may_read_goes_on(gate: Gate) -> None:
    async def play() -> None:
        async with sse(an_app(gate, public_read=True), headers_of(gate)) as client:
            await client.until(2)
            await asyncio.to_thread(gate.users.remove, "ada")
            await client.until(len(client.messages) + 5)
            assert "dropped" not in client.text

    asyncio.run(play())


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_a_websocket_is_closed_when_its_token_ends(
    gate: Gate, end: Callable[[Gate], object]
) -> None:
    async def play() -> list[Message]:
        async with websocket(an_app(gate), headers_of(gate)) as client:
            await client.until(2)
            await asyncio.to_thread(end, gate)
            await client.ended()
            return client.messages

    first, hello, *_, last, closed = asyncio.run(play())

    assert first["type"] == "websocket.accept"
    assert '"event":"hello"' in hello["text"]
    assert '"event":"dropped"' in last["text"]
    assert (closed["code"], closed["reason"]) == (1008, "sign in again")
