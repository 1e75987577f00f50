"""Connections beyond the bound are refused, and those that ask nothing are closed."""

import resource
import socket
import threading
from collections.abc import Iterator

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket
from websockets.sync.client import connect

from api.connections import BoundedConnection, allow_many_files

MOST = 3
ASKED = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


class Few(BoundedConnection):
    most = MOST
    first_request_s = 0.2


async def echo(socket: WebSocket) -> None:
    await socket.accept()
    while True:
        await socket.send_text(await socket.receive_text())


@pytest.fixture
def port() -> Iterator[int]:
    routes = [Route("/", lambda _: PlainTextResponse("here")), WebSocketRoute("/ws", echo)]
    app = Starlette(routes=routes)
    config = uvicorn.Config(app, http=Few, lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        yield int(listening.getsockname()[1])
        server.should_exit = True
        thread.join(20)


def opened(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=20)


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
