"""How many may be connected at all, so that those who only hold connections shut nobody out.

Each connection is an open file: past the limit of the process it could not even be refused.
"""

import asyncio
import resource
from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

FIRST_REQUEST_S: Final = 15.0
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
    """A connection that is closed where there are too many, or where nothing is asked in time."""

    most: int = 1024
    first_request_s: float = FIRST_REQUEST_S

    # The server itself narrows what it is given to a Transport, as it only listens on streams.
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Let it in, or say that there is no room; called by the server."""
        super().connection_made(transport)
        if len(self.connections) > self.most:
            transport.write(_FULL)
            transport.close()
        else:
            self.loop.call_later(self.first_request_s, self._close_if_silent)

    def _close_if_silent(self) -> None:
        asked: object = self.cycle  # the server's own type forgets that there is none at first
        is_ours = self in self.connections  # a websocket has taken over where it is not
        if is_ours and asked is None and not self.transport.is_closing():
            self.transport.close()
