"""What a connection may cost: how many, how long one may ask nothing, how a request may come."""

import asyncio
import resource
import select
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.types import Message, Receive, Scope, Send
from starlette.websockets import WebSocket
from websockets.sync.client import connect

from api.http.body_limits import BodyLimit
from api.http.connections import MOST_HEAD_BYTES, BoundedConnection, allow_many_files

MOST = 3
MOST_BODY = 100_000
PATIENCE_S = 20.0
LARGE = 30_000_000
ASKED = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
POSTED = b"POST /body HTTP/1.1\r\nHost: x\r\n"
HALF = POSTED + b"Content-Length: 10\r\n\r\n12345"


class Few(BoundedConnection):
    most = MOST
    first_request_s = 0.2


class Impatient(BoundedConnection):
    most = 3000
    request_s = 0.3


class Shared(Impatient):
    origins = ("https://one.example",)


class Unread(BoundedConnection):
    unread_s = 3.0
    lost = threading.Event()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.lost.set()


async def echo(socket: WebSocket) -> None:
    await socket.accept()
    while True:
        await socket.send_text(await socket.receive_text())


async def length_of_body(request: Request) -> Response:
    return PlainTextResponse(f"{len(await request.body())}\n")


async def slow_answer(_: Request) -> Response:
    """Bytes for ever, in pieces that are there at once and pieces that take their time."""
    return StreamingResponse(ticks())


async def ticks() -> AsyncIterator[bytes]:
    while True:
        yield b"tick\n"
        await asyncio.sleep(0.01)


async def large_answer(_: Request) -> Response:
    return Response(b"x" * LARGE)


@contextmanager
def served(connection: type[BoundedConnection]) -> Iterator[int]:
    routes = [
        Route("/", lambda _: PlainTextResponse("here")),
        Route("/body", length_of_body, methods=["POST"]),
        Route("/slow", slow_answer),
        Route("/large", large_answer),
        WebSocketRoute("/ws", echo),
    ]
    app = Starlette(routes=routes, middleware=[Middleware(BodyLimit, most=MOST_BODY)])
    config = uvicorn.Config(
        app, http=connection, lifespan="off", log_config=None, timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0), backlog=3000) as listening:
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        try:
            yield int(listening.getsockname()[1])
        finally:
            server.should_exit = True
            thread.join(20)


@pytest.fixture
def port() -> Iterator[int]:
    with served(Few) as found:
        yield found


@pytest.fixture
def impatient() -> Iterator[int]:
    with served(Impatient) as found:
        yield found


@pytest.fixture
def many_files() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    allow_many_files()
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def opened(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)


def everything(client: socket.socket) -> bytes:
    """What comes until the other side closes; a reset is an error."""
    return b"".join(iter(lambda: client.recv(65536), b""))


def drip(client: socket.socket, piece: bytes) -> bytes:
    """Send a piece again and again until the other side answers or closes; what it said."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if select.select([client], [], [], 0.02)[0]:
            return everything(client)
        client.sendall(piece)
    raise AssertionError("it goes on for ever")


def flood(client: socket.socket, piece: bytes, most: int) -> int:
    """Send a piece again and again until the other side answers or ends; how many bytes it took."""
    sent = 0
    with suppress(ConnectionError):  # it may end between the look and the sending
        while sent < most and not select.select([client], [], [], 0)[0]:
            sent += client.send(piece)
    return sent


def test_beyond_the_bound_it_is_said_and_closed_and_there_is_room_again_later(port: int) -> None:
    held = [opened(port) for _ in range(MOST)]
    for client in held:
        client.sendall(ASKED)
        assert client.recv(9000).startswith(b"HTTP/1.1 200")

    with opened(port) as refused:
        said = b"".join(iter(lambda: refused.recv(9000), b""))
    held.pop().close()

    assert said.startswith(b"HTTP/1.1 503")
    assert b"Retry-After" in said
    answers = [b"503"]
    while answers[-1] == b"503":
        with opened(port) as again:
            again.sendall(ASKED)
            answers.append(again.recv(9000).split()[1])
    assert answers[-1] == b"200"
    for client in held:
        client.close()


@pytest.mark.parametrize("said", [b"", b"GET / HTTP/1.1\r\nHos"])
def test_who_asks_nothing_is_closed(port: int, said: bytes) -> None:
    with opened(port) as client:
        client.sendall(said)

        assert client.recv(9000) == b""


def test_a_websocket_outlives_the_time_for_a_first_request(port: int) -> None:
    with connect(f"ws://127.0.0.1:{port}/ws") as socket, opened(port) as silent:
        assert silent.recv(9000) == b""  # who came later and asked nothing has been closed
        socket.send("still here")

        assert socket.recv(20) == "still here"


def test_the_limit_of_open_files_is_raised_and_leaves_some_for_ourselves() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        most = allow_many_files()

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        assert before[0] <= soft
        assert hard == before[1]
        assert 0 < most < soft
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.parametrize("requests_before", [0, 1])
@pytest.mark.parametrize("start", [b"GET / HTTP/1.1\r\nX: ", POSTED + b"X: "])
def test_a_header_without_end_is_refused_at_64_kb(
    impatient: int, start: bytes, requests_before: int
) -> None:
    with opened(impatient) as client:
        for _ in range(requests_before):
            client.sendall(ASKED)
            assert client.recv(9000).startswith(b"HTTP/1.1 200")
        client.sendall(start)

        sent = flood(client, b"a" * 32_768, 50_000_000)
        said = everything(client)

    assert said.startswith(b"HTTP/1.1 431 ")
    assert b"application/problem+json" in said
    assert MOST_HEAD_BYTES < len(start) + sent < 5_000_000


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\nX: %b\r\n\r\n" % (b"a" * MOST_HEAD_BYTES),
        b"GET / HTTP/1.1\r\nHost: x\r\n%b\r\n" % (b"A: b\r\n" * 20_000),
    ],
    ids=["one header", "many headers"],
)
def test_a_whole_head_that_is_too_large_is_refused_too(impatient: int, head: bytes) -> None:
    with opened(impatient) as client:
        client.sendall(head)

        assert everything(client).startswith(b"HTTP/1.1 431 ")


def test_headers_behind_a_body_are_bounded_too(impatient: int) -> None:
    with opened(impatient) as client:
        client.sendall(POSTED + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX: ")

        sent = flood(client, b"a" * 32_768, 50_000_000)

    assert sent < 5_000_000


def test_a_large_head_within_the_bound_is_answered(impatient: int) -> None:
    with opened(impatient) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nX: %b\r\n\r\n" % (b"a" * 60_000))

        assert client.recv(9000).startswith(b"HTTP/1.1 200")


@pytest.mark.usefixtures("many_files")
def test_two_thousand_half_bodies_are_closed_and_others_are_answered(impatient: int) -> None:
    clients = [opened(impatient) for _ in range(2000)]
    for client in clients:
        client.sendall(HALF)
    with opened(impatient) as other:
        other.sendall(ASKED)
        assert other.recv(9000).startswith(b"HTTP/1.1 200")

    answers = {everything(client).split(b"\r\n")[0] for client in clients}

    assert answers == {b"HTTP/1.1 408 Request Timeout"}
    for client in clients:
        client.close()


@pytest.mark.parametrize(
    ("begun", "piece", "answer"),
    [
        (b"GET / HTTP/1.1\r\nX: ", b"a", b""),
        (b"\r\n", b"\r\n", b""),
        (POSTED + b"Content-Length: 50000\r\n\r\n", b"1", b"HTTP/1.1 408 "),
        (POSTED + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n", b"HTTP/1.1 408 "),
    ],
    ids=["head", "empty lines", "body", "chunks"],
)
@pytest.mark.parametrize("requests_before", [0, 1])
def test_a_request_that_drips_is_closed(
    impatient: int, begun: bytes, piece: bytes, answer: bytes, requests_before: int
) -> None:
    with opened(impatient) as client:
        for _ in range(requests_before):
            client.sendall(ASKED)
            assert client.recv(9000).startswith(b"HTTP/1.1 200")
        client.sendall(begun)

        assert drip(client, piece).startswith(answer)


def test_a_body_that_is_not_wanted_may_not_drip_either(impatient: int) -> None:
    with opened(impatient) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\n")
        assert client.recv(9000).startswith(b"HTTP/1.1 200")

        assert drip(client, b"1") == b""


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET / HTTP/1.1\r\nOrigin: %b\r\nX: a" + b"a" * 70_000, 431),
        (b"GET / HTTP/1.1\r\nX: a" + b"a" * 65_520 + b"\r\nOrigin: %b\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nOrigin: %b\r\nA: b\r\n\0\r\n\r\n", 400),
        (POSTED + b"Origin: %b\r\nContent-Length: 10\r\n\r\n12345", 408),
    ],
    ids=["head without end", "whole head", "malformed", "body that does not come"],
)
def test_a_page_of_an_allowed_origin_reads_why_it_was_turned_away(
    request_: bytes, status: int
) -> None:
    with served(Shared) as port:
        allowed, other = (
            turned_away(port, request_.replace(b"%b", origin))
            for origin in (b"https://one.example", b"https://other.example")
        )

    assert allowed.startswith(b"HTTP/1.1 %d " % status)
    assert b"\r\naccess-control-allow-origin: https://one.example\r\n" in allowed
    assert other.startswith(b"HTTP/1.1 %d " % status)
    assert b"access-control-allow-origin" not in other


def turned_away(port: int, request: bytes) -> bytes:
    with opened(port) as client:
        client.sendall(request)
        return everything(client)


def test_an_answer_may_last_longer_than_a_request(impatient: int) -> None:
    with opened(impatient) as stream:
        stream.sendall(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
        assert stream.recv(9000).startswith(b"HTTP/1.1 200")
        for _ in range(2):  # somebody who came later has been closed for it, twice
            with opened(impatient) as slow:
                slow.sendall(HALF)
                assert everything(slow).startswith(b"HTTP/1.1 408 ")

        assert any(b"tick" in stream.recv(9000) for _ in range(3))
        assert select.select([stream], [], [], PATIENCE_S)[0]
        assert stream.recv(9000)


@pytest.mark.parametrize("more", [b"\0\0\r\n\r\n", b"GET / HTTP/1.1\r\nX: " + b"a" * 200_000, HALF])
def test_what_is_wrong_while_an_answer_is_under_way_does_not_get_into_it(
    impatient: int, more: bytes
) -> None:
    with opened(impatient) as stream:
        stream.sendall(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
        assert stream.recv(9000).startswith(b"HTTP/1.1 200")
        stream.sendall(more)

        deadline, found = time.monotonic() + 1, b""
        with suppress(ConnectionResetError):  # what it sends is not read any more
            while time.monotonic() < deadline and (piece := stream.recv(9000)):
                found += piece

    assert b"HTTP/1.1" not in found


def test_a_websocket_outlives_the_time_for_a_request(impatient: int) -> None:
    with connect(f"ws://127.0.0.1:{impatient}/ws") as socket, opened(impatient) as slow:
        slow.sendall(HALF)
        assert everything(slow).startswith(b"HTTP/1.1 408 ")
        socket.send("still here")

        assert socket.recv(20) == "still here"


@pytest.mark.parametrize(
    "head",
    [b"Content-Length: 10000000\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n989680\r\n"],
    ids=["announced", "chunked"],
)
def test_who_sends_a_large_body_to_its_end_reads_that_it_was_too_large(head: bytes) -> None:
    with served(BoundedConnection) as port, opened(port) as client:
        client.sendall(POSTED + head)
        for _ in range(100):
            client.sendall(b"a" * 100_000)
        if b"chunked" in head:
            client.sendall(b"\r\n0\r\n\r\n")

        said = everything(client)

    assert said.startswith(b"HTTP/1.1 413 ")
    assert b"body-too-large" in said


def test_half_a_body_is_never_taken_for_a_whole_one() -> None:
    called: list[bytes] = []

    async def app(scope: Scope, _receive: Receive, _send: Send) -> None:
        called.append(scope["path"])

    said: list[Message] = [
        {"type": "http.request", "body": b"half", "more_body": True},
        {"type": "http.disconnect"},
    ]

    async def receive() -> Message:
        return said.pop(0)

    async def send(message: Message) -> None:
        raise AssertionError(message)

    scope = {"type": "http", "method": "POST", "path": "/", "headers": []}
    asyncio.run(BodyLimit(app, most=100)(scope, receive, send))

    assert called == []


def piece(client: socket.socket, most: int) -> bytes:
    found = client.recv(most)
    assert found, "the slow one was cut off"
    return found


def test_who_reads_nothing_of_an_answer_is_cut_off_and_who_reads_slowly_is_not() -> None:
    with served(Unread) as port, opened(port) as slow, opened(port) as silent:
        for client in (slow, silent):
            client.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
        read = 0
        while not Unread.lost.wait(0.02):
            read += len(piece(slow, 100_000))
        while read < LARGE:
            read += len(piece(slow, 1_000_000))

        assert len(everything(silent)) < LARGE
