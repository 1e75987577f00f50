"""The live stream of `candlewick.Client` over real sockets, where the answer comes too late."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

import candlewick

HEADERS = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
ANSWER_S = 10


@contextmanager
def answering(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that gives its only connection to `answer`; the block waits for its end."""

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.settimeout(ANSWER_S)
            connection.recv(65_536)
            answer(connection)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread.join()


def test_a_stream_that_opens_too_late_is_closed() -> None:
    given_up, closed = threading.Event(), threading.Event()

    def late(connection: socket.socket) -> None:
        given_up.wait(ANSWER_S)
        connection.sendall(HEADERS)
        if connection.recv(1) == b"":
            closed.set()

    with answering(late) as url, candlewick.Client(url, limit_s=0.2, patience_s=0) as client:
        with pytest.raises(candlewick.Transient, match=r"not answered within 0\.2 s"):
            next(client.stream(patience_s=0))
        given_up.set()

        assert closed.wait(ANSWER_S)
