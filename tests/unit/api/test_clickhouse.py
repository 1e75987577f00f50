"""The reader of ClickHouse against a server that drips: the whole call has a limit."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import pytest

from api.queries.clickhouse import Reader
from candlewick.client.rest.attempts import Attempts
from candlewick.client.rest.session import PATIENCE_S
from schemas.errors import Transient
from schemas.settings import ClickHouseSettings

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n"
ANSWER = HEAD + b'{"x":1}\n'
LIMIT_S = 1.0  # also for an answer that comes at once, beside other tests


@dataclass(slots=True)
class Dripping:
    """Sends `answers` a byte at a time while `drips`, from byte `begin` on; else at once."""

    begin: int
    drips: bool = True
    answers: bytes = ANSWER
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
                    connection.sendall(self.answers)
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


def refusal(code: int, said: str) -> Transient:
    """What an answer of ClickHouse with this error becomes."""
    head = f"HTTP/1.1 500 Error\r\nX-ClickHouse-Exception-Code: {code}\r\n"
    with dripping(0) as server:
        server.drips = False
        server.answers = f"{head}Content-Length: {len(said)}\r\n\r\n{said}".encode()
        reader = Reader(ClickHouseSettings(url=server.url), answer_s=LIMIT_S)
        with pytest.raises(Transient) as refused:
            reader.rows("SELECT 1 AS x")
        reader.close()
    return refused.value


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (159, "Code: 159. DB::Exception: Timeout exceeded: elapsed 20 seconds, maximum: 20."),
        (160, "Code: 160. DB::Exception: Estimated query execution time is too long"),
        (307, "Code: 307. DB::Exception: Limit for rows or bytes to read exceeded"),
        (241, "Code: 241. DB::Exception: Query memory limit exceeded: would use 1.2 GiB"),
        (241, "Code: 241. DB::Exception: Memory limit (for query) exceeded: would use 1.2 GiB"),
    ],
)
def test_a_question_that_is_too_large_is_told_so_and_not_asked_again_at_once(
    code: int, said: str
) -> None:
    refused = refusal(code, said)

    assert "ask for a shorter range, or for fewer symbols" in str(refused)
    assert said[11:] in str(refused)
    with pytest.raises(Transient):  # a client of ours gives up
        Attempts(PATIENCE_S).pause_s(refused)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (202, "Code: 202. DB::Exception: Too many simultaneous queries"),
        (241, "Code: 241. DB::Exception: (total) memory limit exceeded: would use 1.2 GiB"),
    ],
)
def test_a_store_that_has_too_much_to_do_is_asked_again_soon(code: int, said: str) -> None:
    refused = refusal(code, said)

    assert "cannot do it now" in str(refused)
    assert refused.retry_after_s < PATIENCE_S
