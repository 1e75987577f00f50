"""How the ClickHouse server's application uses its event loop and threads; no engine runs here."""

import asyncio
import base64
import threading
from typing import TYPE_CHECKING, cast

import httpx
import pytest
from starlette.types import Message, Scope

from candlewick.clickhouse_server import app as app_module
from candlewick.clickhouse_server.accounts import Account, Accounts
from candlewick.clickhouse_server.app import Statements, build_app
from candlewick.clickhouse_server.running import Answer

if TYPE_CHECKING:
    from candlewick.clickhouse_server.execution import Execution

ACCOUNT = Account("writer", "secret", may_write=True)
LONGEST_S = 20.0


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


class Clogged:
    """An execution whose engine knows a statement only when it is killed for the second time."""

    def __init__(self) -> None:
        self.engine = self
        self.started = threading.Event()
        self.killed = threading.Event()
        self.killed_again = threading.Event()

    def answer(self, *_: object) -> Answer:
        self.started.set()
        assert self.killed_again.wait(LONGEST_S)
        return Answer()

    def kill(self, _request_id: str) -> None:
        if self.killed.is_set():
            self.killed_again.set()
        self.killed.set()


class Leaving:
    """A client that sends its statement, and leaves when something has happened."""

    def __init__(self, happened: threading.Event) -> None:
        self.happened = happened
        self.messages = [{"type": "http.request", "body": b"SELECT 1"}]

    async def receive(self) -> Message:
        if self.messages:
            return self.messages.pop()
        await asyncio.to_thread(self.happened.wait, LONGEST_S)
        return {"type": "http.disconnect"}

    async def send(self, _message: Message) -> None:
        """Nobody reads it."""


def asked_by(account: Account) -> Scope:
    login = base64.b64encode(f"{account.name}:{account.password}".encode())
    return {
        "type": "http",
        "method": "POST",
        "path": "/",
        "query_string": b"",
        "headers": [(b"authorization", b"Basic " + login)],
    }


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


def test_a_statement_whose_client_left_is_killed_until_it_ends() -> None:
    execution = Clogged()
    client = Leaving(execution.started)
    app = Statements(cast("Execution", execution), Accounts((ACCOUNT,)))

    asyncio.run(app(asked_by(ACCOUNT), client.receive, client.send))

    assert execution.killed_again.is_set()


def test_a_statement_whose_client_left_before_a_thread_was_free_is_not_run() -> None:
    execution, now = Clogged(), threading.Event()
    now.set()
    client = Leaving(now)
    app = Statements(cast("Execution", execution), Accounts((ACCOUNT,)))

    async def leave_while_no_thread_is_free() -> None:
        taken = [object() for _ in range(int(app.threads.total_tokens))]
        for borrower in taken:
            app.threads.acquire_on_behalf_of_nowait(borrower)
        asked = asyncio.create_task(app(asked_by(ACCOUNT), client.receive, client.send))
        assert await asyncio.to_thread(execution.killed.wait, LONGEST_S)
        app.threads.release_on_behalf_of(taken[0])
        await asked

    asyncio.run(leave_while_no_thread_is_free())

    assert not execution.started.is_set()
