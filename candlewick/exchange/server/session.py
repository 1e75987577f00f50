"""One websocket connection: handshake, pings, limits, control messages and outgoing frames.

Uvicorn hands the connection over on an upgrade request. Frames are written in batches, so that
many trades cost one system call a tick.

Source: binance-spot-api-docs, web-socket-streams.md, "General WSS information".
"""

import asyncio
import logging
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Final, Protocol, cast
from urllib.parse import parse_qs, unquote, urlsplit

from websockets.frames import Frame as WireFrame
from websockets.frames import Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol

from candlewick.exchange.server import control
from candlewick.exchange.server.errors import JSON, ApiError, unsupported
from candlewick.exchange.server.framing import text_frame
from candlewick.exchange.server.keepalive import Keepalive
from candlewick.exchange.server.subscriptions import Subscriptions, TooManyStreams, UnservedStream

if TYPE_CHECKING:
    from uvicorn import Config
    from uvicorn.server import ServerState

_POLICY: Final = 1008
GOING_AWAY: Final = 1001
OLD: Final = "24 hours"
_BUFFER_LIMIT: Final = 64 << 20
_CLOSE_WITHIN_S: Final = 5.0
_ordinals = count()


@dataclass(frozen=True, slots=True)
class SocketRules:
    """Rules for a client's connection; times are in seconds."""

    ping_every_s: float = 20.0
    pong_within_s: float = 60.0
    messages_a_second: int = 5
    lifetime_s: float = 86_400.0


class Exchange(Protocol):
    """The exchange as a connection sees it; `candlewick.exchange.server.hub` implements it.

    Attributes:
        rules: Rules for connections.
        symbols: Symbols that have streams.
    """

    rules: SocketRules
    symbols: frozenset[str]

    def now_ms(self) -> int:
        """Return the market's time."""

    def refuse(self, path: str, client: str) -> ApiError | None:
        """Return the error for refusing a connection, or None to accept it."""

    def join(self, session: "Session") -> None:
        """Start to send frames to a connection."""

    def leave(self, session: "Session") -> None:
        """Stop sending frames to a connection."""

    def changed(self) -> None:
        """Note that a connection's subscriptions have changed."""

    def silent(self, session: "Session") -> bool:
        """Return whether a fault keeps a connection silent now."""


class Session(asyncio.Protocol):
    """A client's connection, made by uvicorn for each websocket request."""

    def __init__(
        self, config: "Config", server_state: "ServerState", app_state: dict[str, object]
    ) -> None:
        del config
        self._hub = cast("Exchange", app_state["hub"])
        # Uvicorn calls shutdown() of each member; the type it declares has only its own classes.
        self._peers = cast("set[Session]", server_state.connections)
        self._protocol = ServerProtocol(max_size=1 << 16, logger=logging.getLogger(__name__))
        self._transport: asyncio.Transport | None = None
        self._end: asyncio.TimerHandle | None = None
        self._keepalive = Keepalive(
            self._hub.rules.ping_every_s,
            self._hub.rules.pong_within_s,
            self._ping,
            lambda: self.close(_POLICY, "Pong timeout"),
        )
        self._incoming: deque[float] = deque()
        self._loop = asyncio.get_running_loop()
        self.subscriptions = Subscriptions(self._hub.symbols)
        self.ordinal = -1

    # asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Register the new connection."""
        self._transport = cast("asyncio.Transport", transport)
        self._peers.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Release the lost connection."""
        del exc
        self._peers.discard(self)
        self._hub.leave(self)
        self._keepalive.stop()
        if self._end is not None:
            self._end.cancel()

    def data_received(self, data: bytes) -> None:
        """Process bytes from the client."""
        self._protocol.receive_data(data)
        if self._hub.silent(self) and not self._protocol.close_expected():
            self._protocol.data_to_send()  # a pong, which the client must not get either
        for event in self._protocol.events_received():
            if isinstance(event, Request):
                self._open(event)
            else:
                self._receive(cast("WireFrame", event))
        self._flush()
        if self._protocol.close_expected():  # after a close frame, or one that breaks the rules
            self._hang_up()

    def shutdown(self) -> None:
        """Announce the end and close; uvicorn calls it when the server stops."""
        self.announce_shutdown(self._hub.now_ms())
        self.close(GOING_AWAY, "server shutdown")

    # the hub's side

    @property
    def buffered(self) -> int:
        """Number of bytes that the client has not read yet; 0 once its connection ends."""
        if self._transport is None or self._transport.is_closing():
            return 0
        return self._transport.get_write_buffer_size()

    def write(self, messages: Iterable[str]) -> None:
        """Send text messages; a client with 64 MB unread is disconnected."""
        if self._transport is None or self._transport.is_closing():
            return
        self._transport.write(b"".join(map(text_frame, messages)))
        if self.buffered > _BUFFER_LIMIT:
            self.cut()

    def close(self, code: int, reason: str) -> None:
        """Close the connection with a close frame."""
        if self._transport is None or self._transport.is_closing():
            return
        self._protocol.fail(code, reason)
        self._flush()
        self._hang_up()

    def cut(self) -> None:
        """Break the connection without a close frame."""
        if self._transport is not None:
            self._transport.abort()

    def announce_shutdown(self, event_ms: int) -> None:
        """Send the serverShutdown event."""
        body = f'{{"e":"serverShutdown","E":{event_ms * self.subscriptions.unit}}}'
        self.write([self.subscriptions.wrapped("!serverShutdown", body)])

    # the client's side

    def _open(self, request: Request) -> None:
        url, too_many = urlsplit(request.path), ""
        client = self._transport.get_extra_info("peername") if self._transport else None
        response = self._protocol.accept(request)
        refusal = self._hub.refuse(url.path, client[0] if client else "")
        try:
            self.subscriptions.from_url(unquote(url.path), parse_qs(url.query))
        except UnservedStream as error:
            refusal = refusal or unsupported(str(error))
        except TooManyStreams as error:
            too_many = str(error)
        if refusal is not None:
            response = self._protocol.reject(refusal.status, refusal.body)
            response.headers["Content-Type"] = JSON
        self._protocol.send_response(response)
        self._flush()
        if response.status_code != 101:  # noqa: PLR2004 - HTTP's own number for an upgrade
            self._hang_up()
            return
        self.ordinal = next(_ordinals)
        if too_many:
            self.close(_POLICY, too_many)
            return
        self._hub.join(self)
        self._keepalive.start()
        lifetime_s = self._hub.rules.lifetime_s
        self._end = self._loop.call_later(lifetime_s, self.close, GOING_AWAY, OLD)

    def _receive(self, frame: WireFrame) -> None:
        if frame.opcode is Opcode.CLOSE:
            return
        if self._too_fast():
            self.close(_POLICY, "Too many requests")
        elif frame.opcode is Opcode.PONG:
            self._keepalive.pong(bytes(frame.data))
        elif frame.opcode in {Opcode.TEXT, Opcode.BINARY}:
            self._command(bytes(frame.data))

    def _command(self, data: bytes) -> None:
        try:
            answer = control.answer(data, self.subscriptions)
            if not self._hub.silent(self):
                self.write([answer])
        except TooManyStreams as error:
            self.close(_POLICY, str(error))
        self._hub.changed()

    def _too_fast(self) -> bool:
        now = self._loop.time()
        self._incoming.append(now)
        while self._incoming[0] <= now - 1:
            self._incoming.popleft()
        return len(self._incoming) > self._hub.rules.messages_a_second

    def _ping(self) -> bytes | None:
        if self._hub.silent(self):
            return None
        payload = str(self._hub.now_ms()).encode()
        self._protocol.send_ping(payload)
        self._flush()
        return payload

    def _hang_up(self) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        self._transport.close()
        if self._end is not None:
            self._end.cancel()
        # A client that reads nothing would hold what is left to send, and the connection, for ever.
        self._end = self._loop.call_later(_CLOSE_WITHIN_S, self.cut)

    def _flush(self) -> None:
        output = b"".join(self._protocol.data_to_send())
        if output and self._transport is not None:
            self._transport.write(output)
