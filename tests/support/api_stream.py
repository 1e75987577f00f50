"""A client of the live stream for tests: it speaks plain HTTP over a socket of its own."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from tests.support.api_process import RunningApi

PATIENCE_S = 20.0


@dataclass(frozen=True, slots=True)
class Received:
    """One event."""

    id: str
    name: str
    data: dict[str, object]


@dataclass(slots=True)
class StreamClient:
    """A connection; `status` is that of the answer."""

    connection: socket.socket
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    _buffer: bytes = b""
    _text: bytes = b""

    def read_head(self) -> None:
        head = self._until(b"\r\n\r\n").decode()
        first, *lines = head.splitlines()
        self.status = int(first.split()[1])
        self.headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in lines if line)}

    def blocks(self) -> Iterator[dict[str, str]]:
        """Fields of each block, comments too (as the empty name), for ever."""
        while True:
            while b"\n\n" in self._text:
                block, self._text = self._text.split(b"\n\n", 1)
                lines = (line.partition(": ") for line in block.decode().splitlines())
                yield {name.rstrip(":"): value for name, _, value in lines}
            size = int(self._until(b"\r\n"), 16)
            if size == 0:
                return
            self._text += self._take(size)
            self._take(2)

    def events(self) -> Iterator[Received]:
        """Events, without heartbeats."""
        for block in self.blocks():
            if "event" in block:
                data = json.loads(block["data"])
                yield Received(block.get("id", ""), block["event"], data)

    def take(self, count: int, *names: str) -> list[Received]:
        """The next events of these names."""
        found: list[Received] = []
        for event in self.events():
            if not names or event.name in names:
                found.append(event)
            if len(found) == count:
                break
        return found

    def _until(self, end: bytes) -> bytes:
        while end not in self._buffer:
            self._read()
        part, self._buffer = self._buffer.split(end, 1)
        return part

    def _take(self, count: int) -> bytes:
        while len(self._buffer) < count:
            self._read()
        part, self._buffer = self._buffer[:count], self._buffer[count:]
        return part

    def _read(self) -> None:
        data = self.connection.recv(65536)
        if not data:
            raise ConnectionError("the server closed the connection")
        self._buffer += data


@contextmanager
def streaming(
    api: RunningApi, query: str = "", *, last_id: str | None = None, receive_bytes: int = 0
) -> Iterator[StreamClient]:
    """A client of the stream; `receive_bytes` makes the socket's buffer small."""
    parts = urlsplit(api.url)
    connection = socket.socket()
    if receive_bytes:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    connection.settimeout(PATIENCE_S)
    connection.connect((parts.hostname, parts.port))
    with connection:
        lines = [f"GET /v1/stream{query} HTTP/1.1", f"Host: {parts.netloc}"]
        lines += [f"Last-Event-ID: {last_id}"] if last_id else []
        connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        client = StreamClient(connection)
        client.read_head()
        yield client


def wait_for_clients(api: RunningApi, count: int) -> None:
    """Wait until the stream has so many clients."""
    deadline = time.monotonic() + PATIENCE_S
    with api.client() as client:
        while time.monotonic() < deadline:
            if f"candlewick_api_stream_clients {count}.0" in client.get("/metrics").text:
                return
    raise AssertionError(f"the stream does not have {count} clients")


def metric(api: RunningApi, name: str) -> float:
    """A figure without labels, as Prometheus reads it now."""
    with api.client() as client:
        lines = client.get("/metrics").text.splitlines()
    return float(next(line.split()[1] for line in lines if line.startswith(f"{name} ")))
