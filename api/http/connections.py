"""Limits on connections: their number, and the size and duration of a request.

Each connection is an open file: beyond the limit of the process it could not even be refused. The
limits apply to receiving a request. An answer, such as a stream, may last as long as it is read.
"""

import asyncio
import resource
from http import HTTPStatus
from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from api.http import problems
from api.http.origins import sharing
from api.http.problems import Problem
from api.http.responses import problem_response

FIRST_REQUEST_S: Final = 15.0
UNREAD_S: Final = 60.0
MOST_HEAD_BYTES: Final = 65_536
_LINGER_S: Final = 2.0  # time for a client that is still sending to read why it was refused
_LINGER_BYTES: Final = 4_000_000
_MOST_FILES: Final = 65_536
_OWN_FILES: Final = 256  # connections to the database, Kafka and ClickHouse, and our own files
_FULL: Final = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nContent-Length: 0\r\n"
    b"Connection: close\r\n\r\n"
)


def allow_many_files() -> int:
    """Raise the limit of open files as far as possible; return how many clients may connect."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_FILES)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except ValueError:  # macOS has a limit below the one it reports
        wanted = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return wanted - min(_OWN_FILES, wanted // 2)


class BoundedConnection(HttpToolsProtocol):
    """A connection that is closed if there are too many or if a request does not end.

    Attributes:
        most: Largest number of connections.
        first_request_s: Seconds from connecting to the end of the first request's head.
        request_s: Seconds from the first byte of a request to its last.
        unread_s: Seconds that a client may read nothing of an answer.
        origins: Origins whose pages may read why a request was turned away.
    """

    most: int = 1024
    first_request_s: float = FIRST_REQUEST_S
    request_s: float = 30.0
    unread_s: float = UNREAD_S
    origins: tuple[str, ...] = ()

    _head_bytes = 0  # parsed so far of the head that is being read
    _since_parsed = 0  # bytes since the last end of a head, piece of a body or end of a request
    _left_to_drop: int | None = None  # set once the connection is being closed
    _is_too_large = False
    _unfinished: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None

    # Uvicorn narrows the type to a Transport, as it only listens on streams.
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Accept the connection, or answer 503 if there are too many; called by the server."""
        super().connection_made(transport)
        if len(self.connections) > self.most:
            transport.write(_FULL)
            transport.close()
        else:
            self.loop.call_later(self.first_request_s, self._close_if_silent)

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the timers; called by the server."""
        self._request_ended()
        self._is_read_again()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse bytes of requests that are within the limits; called by the server."""
        if self._left_to_drop is not None:
            self._left_to_drop -= len(data)
            if self._left_to_drop < 0:
                self.transport.close()
            return
        self._request_begun()
        self._since_parsed += len(data)
        super().data_received(data)
        # A header without an end is never reported; the parser joins its pieces again and again.
        if self._since_parsed > MOST_HEAD_BYTES:
            self._turn_away(_too_large())

    def on_message_begin(self) -> None:
        """Start the timer of a request; called by the parser."""
        self._head_bytes = 0
        self._request_begun()
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Count a part of the path; called by the parser."""
        self._head_bytes += len(url)
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count a header; called by the parser."""
        self._head_bytes += len(name) + len(value) + len(b": \r\n")
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Refuse a head that is too large, otherwise start to answer; called by the parser."""
        self._since_parsed = 0
        if self._head_bytes > MOST_HEAD_BYTES:
            self._is_too_large = True
            raise ValueError  # the parser stops, and the server answers by `send_400_response`
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Pass on a piece of a body; called by the parser."""
        self._since_parsed = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Stop the timer of a request; called by the parser."""
        self._since_parsed = 0
        self._request_ended()
        super().on_message_complete()

    def handle_websocket_upgrade(self) -> None:
        """Stop the timer and hand over to the websocket protocol; called by the server."""
        self._request_ended()
        super().handle_websocket_upgrade()

    def send_400_response(self, msg: str) -> None:
        """Answer with what is wrong with a head; called by the server."""
        malformed = Problem(problems.MALFORMED, msg, headers={"Connection": "close"})
        self._turn_away(_too_large() if self._is_too_large else malformed)

    def pause_writing(self) -> None:
        """Start to watch whether the client reads; called by the server."""
        super().pause_writing()
        self._watch_reading()

    def resume_writing(self) -> None:
        """Continue, as the client has read; called by the server."""
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
        if self.flow.read_paused:  # we stopped reading ourselves: an earlier answer is not sent yet
            self._request_begun()
            return
        cycle = self.cycle
        waits_for_body = cycle is not None and cycle.more_body and not cycle.response_started
        if waits_for_body and not self.pipeline:  # else an earlier answer is being sent
            detail = f"the request was not complete after {self.request_s:g} seconds"
            late = Problem(problems.TOO_SLOW, detail, headers={"Connection": "close"})
            self.transport.write(self._as_sent(late))
        self.transport.close()

    def _close_if_silent(self) -> None:
        asked: object = self.cycle  # None before the first request, unlike the server's type says
        is_ours = self in self.connections  # False once a websocket has taken over
        if is_ours and asked is None and not self.transport.is_closing():
            self.transport.close()

    def _turn_away(self, problem: Problem) -> None:
        """Close the connection so that a client that is still sending can read why."""
        self._request_ended()
        self._left_to_drop = _LINGER_BYTES
        asked: object = self.cycle
        if self.transport.is_closing():
            return
        if asked is not None and not self.cycle.response_complete:
            self.transport.close()  # an answer is being sent: the problem would end up inside it
            return
        self.transport.write(self._as_sent(problem))
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.loop.call_later(_LINGER_S, self.transport.close)

    def _as_sent(self, problem: Problem) -> bytes:
        """Return a problem as raw HTTP, for requests that were never complete."""
        answer = problem_response(problem, instance="/")
        # Only of what has been read: who sends its origin last may have been turned away before.
        origin = dict(self.headers or ()).get(b"origin", b"").decode("latin-1")
        answer.headers.update(sharing(origin, self.origins))
        status = HTTPStatus(answer.status_code)
        lines = [b"HTTP/1.1 %d %s" % (status, status.phrase.encode())]
        lines += [b"%s: %s" % pair for pair in answer.raw_headers]
        return b"\r\n".join([*lines, b"", bytes(answer.body)])

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
