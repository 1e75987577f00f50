"""What a connection may cost: how many there are, and how large and slow a request may come.

Each connection is an open file: past the limit of the process it could not even be refused. The
limits are on receiving a request; an answer, a stream above all, may last as long as it is read.
"""

import asyncio
import resource
from http import HTTPStatus
from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from api.http import problems
from api.http.problems import Problem
from api.http.responses import problem_response

FIRST_REQUEST_S: Final = 15.0
UNREAD_S: Final = 60.0
MOST_HEAD_BYTES: Final = 65_536
_LINGER_S: Final = 2.0  # who is still sending gets so long to read why that ends
_LINGER_BYTES: Final = 4_000_000
_MOST_FILES: Final = 65_536
_OWN_FILES: Final = 256  # the database's, Kafka's and ClickHouse's connections, and our own files
_FULL: Final = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nContent-Length: 0\r\n"
    b"Connection: close\r\n\r\n"
)


def allow_many_files() -> int:
    """Raise the limit of open files as far as the system lets us; returns how many may connect."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_FILES)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except ValueError:  # macOS has a limit below the one that it tells
        wanted = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return wanted - min(_OWN_FILES, wanted // 2)


class BoundedConnection(HttpToolsProtocol):
    """A connection that is closed where there are too many, or where a request does not end.

    Attributes:
        first_request_s: From connecting to the end of the first request's head.
        request_s: From the first byte of a request to its last.
        unread_s: How long a client may read nothing of an answer.
    """

    most: int = 1024
    first_request_s: float = FIRST_REQUEST_S
    request_s: float = 30.0
    unread_s: float = UNREAD_S

    _head_bytes = 0  # of the head that is being read, as far as it is parsed
    _since_parsed = 0  # bytes without the end of a head, a piece of a body or the end of a request
    _left_to_drop: int | None = None  # set once the connection is being ended
    _is_too_large = False
    _unfinished: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None

    # The server itself narrows what it is given to a Transport, as it only listens on streams.
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Let it in, or say that there is no room; called by the server."""
        super().connection_made(transport)
        if len(self.connections) > self.most:
            transport.write(_FULL)
            transport.close()
        else:
            self.loop.call_later(self.first_request_s, self._close_if_silent)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the limits; called by the server."""
        self._request_ended()
        self._is_read_again()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes of requests while they keep to the limits; called by the server."""
        if self._left_to_drop is not None:
            self._left_to_drop -= len(data)
            if self._left_to_drop < 0:
                self.transport.close()
            return
        self._request_begun()
        self._since_parsed += len(data)
        super().data_received(data)
        # A header without end is no header yet; the parser joins its pieces over and over.
        if self._since_parsed > MOST_HEAD_BYTES:
            self._turn_away(_too_large())

    def on_message_begin(self) -> None:
        """Begin a request; called by the parser."""
        self._head_bytes = 0
        self._request_begun()
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Take a part of the path; called by the parser."""
        self._head_bytes += len(url)
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; called by the parser."""
        self._head_bytes += len(name) + len(value) + len(b": \r\n")
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Refuse a head that is too large, or begin to answer; called by the parser."""
        self._since_parsed = 0
        if self._head_bytes > MOST_HEAD_BYTES:
            self._is_too_large = True
            raise ValueError  # the parser stops, and the server answers by `send_400_response`
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a piece of a body; called by the parser."""
        self._since_parsed = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End a request; called by the parser."""
        self._since_parsed = 0
        self._request_ended()
        super().on_message_complete()

    def handle_websocket_upgrade(self) -> None:
        """Hand the connection over; called by the server."""
        self._request_ended()
        super().handle_websocket_upgrade()

    def send_400_response(self, msg: str) -> None:
        """Say what is wrong with a head; called by the server."""
        malformed = Problem(problems.MALFORMED, msg, headers={"Connection": "close"})
        self._turn_away(_too_large() if self._is_too_large else malformed)

    def pause_writing(self) -> None:
        """Watch whether the client reads; called by the server."""
        super().pause_writing()
        self._watch_reading()

    def resume_writing(self) -> None:
        """Go on, as the client has read; called by the server."""
        self._is_read_again()
        super().resume_writing()

    def _request_begun(self) -> None:
        if self._unfinished is None:
            self._unfinished = self.loop.call_later(self.request_s, self._close_if_unfinished)

    def _request_ended(self) -> None:
        if self._unfinished is not None:
            self._unfinished.cancel()
            self._unfinished = None

    def _close_if_unfinished(self) -> None:
        self._unfinished = None
        if self.flow.read_paused:  # it is us who do not read: an earlier answer is not out yet
            self._request_begun()
            return
        cycle = self.cycle
        waits_for_body = cycle is not None and cycle.more_body and not cycle.response_started
        if waits_for_body and not self.pipeline:  # else an earlier answer is under way
            detail = f"the request was not complete after {self.request_s:g} seconds"
            late = Problem(problems.TOO_SLOW, detail, headers={"Connection": "close"})
            self.transport.write(_as_sent(late))
        self.transport.close()

    def _close_if_silent(self) -> None:
        asked: object = self.cycle  # the server's own type forgets that there is none at first
        is_ours = self in self.connections  # a websocket has taken over where it is not
        if is_ours and asked is None and not self.transport.is_closing():
            self.transport.close()

    def _turn_away(self, problem: Problem) -> None:
        """End the connection so that the client can read why, though it may still be sending."""
        self._request_ended()
        self._left_to_drop = _LINGER_BYTES
        asked: object = self.cycle
        if self.transport.is_closing():
            return
        if asked is not None and not self.cycle.response_complete:
            self.transport.close()  # an answer is under way: this would stand in the middle of it
            return
        self.transport.write(_as_sent(problem))
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.loop.call_later(_LINGER_S, self.transport.close)

    def _watch_reading(self) -> None:
        self._is_read_again()
        left = self.transport.get_write_buffer_size()
        self._unread = self.loop.call_later(self.unread_s, self._cut_if_unread, left)

    def _is_read_again(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def _cut_if_unread(self, left: int) -> None:
        if self.transport.get_write_buffer_size() < left:
            self._watch_reading()
        else:
            self.transport.abort()


def _too_large() -> Problem:
    detail = f"the head of the request is larger than {MOST_HEAD_BYTES} bytes"
    return Problem(problems.HEAD_TOO_LARGE, detail, headers={"Connection": "close"})


def _as_sent(problem: Problem) -> bytes:
    """Return an answer as bytes, for requests that never became one."""
    answer = problem_response(problem, instance="/")
    status = HTTPStatus(answer.status_code)
    lines = [b"HTTP/1.1 %d %s" % (status, status.phrase.encode())]
    lines += [b"%s: %s" % pair for pair in answer.raw_headers]
    return b"\r\n".join([*lines, b"", bytes(answer.body)])
