"""How the ClickHouse server's application uses its event loop and threads; no engine runs here."""

import asyncio
from typing import TYPE_CHECKING, cast

import httpx
import pytest

from candlewick.clickhouse_server import app as app_module
from candlewick.clickhouse_server.accounts import Account, Accounts
from candlewick.clickhouse_server.app import build_app
from candlewick.clickhouse_server.running import Answer

if TYPE_CHECKING:
    from candlewick.clickhouse_server.execution import Execution

ACCOUNT = Account("writer", "secret", may_write=True)


class Answers:
    """An execution that gives one answer to everything."""

    def __init__(self, answer: Answer) -> None:
        self.given = answer

    def answer(self, *_: object) -> Answer:
        return self.given


class NotesTheLoop:
    """An encoder that notes whether an event loop waits for it."""

    def __init__(self) -> None:
        self.in_the_loop: list[bool] = []

    def compress(self, data: bytes, /) -> bytes:
        self.in_the_loop.append(runs_in_a_loop())
        return data

    def flush(self) -> bytes:
        return b""


def runs_in_a_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


async def ask(execution: object) -> httpx.Response:
    app = build_app(cast("Execution", execution), Accounts((ACCOUNT,)))
    login = (ACCOUNT.name, ACCOUNT.password)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://store", auth=login) as http:
        return await http.post("/", content="SELECT 1")


@pytest.mark.parametrize("streamed", [False, True])
def test_the_event_loop_never_waits_for_compression(
    monkeypatch: pytest.MonkeyPatch, *, streamed: bool
) -> None:
    encoder = NotesTheLoop()
    monkeypatch.setattr(app_module, "encoder_for", lambda *_: (encoder, ""))
    answer = Answer("JSON", b"1", more=iter([b"2"]) if streamed else None)

    answered = asyncio.run(ask(Answers(answer)))

    assert answered.text == ("12" if streamed else "1")
    assert encoder.in_the_loop
    assert not any(encoder.in_the_loop)
