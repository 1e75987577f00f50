"""The reader of ClickHouse against a server that drips: the whole call has a limit."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import pytest

from api.queries.clickhouse import Reader
from schemas.errors import Transient
from schemas.settings import ClickHouseSettings

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n"
ANSWER = HEAD + b'{"x":1}\n'
LIMIT_S = 1.0  # also for an answer that comes at once, beside other tests


@dataclass(slots=True)
class Dripping:
    """Sends its answer a byte at a time while `drips`, from byte `begin` on; else at once."""

    begin: int
    drips: bool = True
    server: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))
    ending: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.getsockname()[1]}"

    def serve(self) -> None:
        while not self.ending.is_set():
            with suppress(OSError):
                connection, _ = self.server.accept()
                threading.Thread(target=self.answer, args=(connection,), daemon=True).start()

    def answer(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            while connection.recv(65536):
                if not self.drips:
                    connection.sendall(ANSWER)
                    continue
                connection.sendall(ANSWER[: self.begin])
                for at in range(self.begin, len(ANSWER) - 1):
                    connection.sendall(ANSWER[at : at + 1])
                    if self.ending.wait(LIMIT_S / 2):  # each byte comes within the limit
                        return


@contextmanager
def dripping(begin: int) -> Iterator[Dripping]:
    server = Dripping(begin)
    thread = threading.Thread(target=server.serve, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.ending.set()
        with suppress(OSError):
            server.server.shutdown(socket.SHUT_RDWR)
        server.server.close()
        thread.join(5)


@pytest.mark.parametrize("begin", [0, 12, len(HEAD), len(HEAD) + 2])
def test_an_answer_that_drips_is_given_up_and_the_next_one_comes(begin: int) -> None:
    with dripping(begin) as server:
        reader = Reader(ClickHouseSettings(url=server.url), connections=1, answer_s=LIMIT_S)
        began_s = time.monotonic()
        with pytest.raises(Transient, match="has not answered within"):
            reader.rows("SELECT 1 AS x")
        took_s = time.monotonic() - began_s
        server.drips = False
        found = reader.rows("SELECT 1 AS x")
        reader.close()

    assert took_s < 4 * LIMIT_S
    assert found == [{"x": 1}]
