"""A websocket by the library picows: a client in C, an optional extra.

The library finds the frames. What it leaves to its user is here: pings are answered, a close is
answered, fragments are put together, and bits that nobody agreed upon end the connection.
"""

import asyncio
import contextlib
from typing import Final

from picows import (
    WSCloseCode,
    WSError,
    WSFrame,
    WSInvalidURL,
    WSListener,
    WSMsgType,
    WSProtocolError,
    WSTransport,
    ws_connect,
)
from python_socks import ProxyConnectionError, ProxyError, ProxyTimeoutError

from clients.proxies import websocket_proxy
from producers.binance.sockets.inbox import MAX_MESSAGE_BYTES, BrokenRules, Inbox, TooBig
from producers.binance.sockets.limits import CLOSE_TIMEOUT_S, OPEN_TIMEOUT_S
from producers.binance.sockets.refusals import no_connection, wrong_address, wrong_proxy

PROXIES: Final = ("http", "https", "socks4", "socks5")
READ_BYTES: Final = 256 * 1024  # a burst of a thousand frames is one read
_TEXT: Final = WSMsgType.TEXT
_CONTENT: Final = (WSMsgType.BINARY, WSMsgType.CONTINUATION)
_PROXY_ERRORS: Final = (ProxyConnectionError, ProxyError, ProxyTimeoutError)
_REMOTE_NAMES: Final = {"socks5h": "socks5", "socks4a": "socks4"}  # how the library writes them


class PicowsSocket(WSListener):
    """The library's listener, whose messages go to an inbox.

    Attributes:
        inbox: Messages that a read has brought.
    """

    def __init__(self) -> None:
        self.inbox = Inbox()
        self._transport: WSTransport
        self._is_closing = False
        self._has_asked = False

    def on_ws_connected(self, transport: WSTransport) -> None:
        """Keep the transport."""
        self._transport = transport

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """Collect a frame of a message, or do what a control frame asks for."""
        if self._is_closing:
            self._end(transport, frame)
            return
        if transport.is_close_frame_sent and not self._has_asked:
            # The library looked ahead and found a broken frame, maybe behind this one; it would go
            # on to read after that.
            self._is_closing = True
            if not frame.last_in_buffer or not frame.tail_size:
                return
        try:
            self._take(transport, frame)
        except BrokenRules as error:
            self._is_closing = True
            self.inbox.deliver()
            code = WSCloseCode.PROTOCOL_ERROR
            if isinstance(error, TooBig):
                code = WSCloseCode.MESSAGE_TOO_BIG
            raise WSProtocolError(code, str(error)) from error
        if frame.last_in_buffer:
            self._deliver(transport)

    def pause(self) -> None:
        """Read no more until `resume`, once this read is done.

        It may bring a close. The library does not end a connection by TLS that is paused before it
        is closed: it waits to read the other end's last words.
        """
        asyncio.get_running_loop().call_soon(self._transport.underlying_transport.pause_reading)

    def resume(self) -> None:
        """Read again."""
        self._transport.underlying_transport.resume_reading()

    async def close(self) -> None:
        """Close the connection, with or without an answer of the other end."""
        transport = self._transport
        if not transport.is_close_frame_sent:
            self._has_asked = True
            transport.send_close(WSCloseCode.OK)
        # As the other client: what was sent before the other end closes is still read.
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.ended(), CLOSE_TIMEOUT_S)
        transport.disconnect(graceful=False)
        await self.ended()

    async def ended(self) -> None:
        """Wait until the connection is closed, whoever closes it."""
        with contextlib.suppress(WSError):  # against the rules: the library has closed it
            await self._transport.wait_disconnected()

    def _take(self, transport: WSTransport, frame: WSFrame) -> None:
        kind = frame.msg_type
        if frame.rsv1 or frame.rsv2 or frame.rsv3:
            raise BrokenRules("reserved bits must be 0")
        if kind is _TEXT or kind in _CONTENT:
            begins = kind is not WSMsgType.CONTINUATION
            self.inbox.add(frame.get_payload_as_bytes(), begins=begins, ends=bool(frame.fin))
        elif kind is WSMsgType.PING:
            transport.send_pong(frame.get_payload_as_bytes())
            self.inbox.ping()
        elif kind is WSMsgType.CLOSE:
            self._is_closing = True
            self.inbox.deliver()
            self._end(transport, frame)

    def _end(self, transport: WSTransport, frame: WSFrame) -> None:
        """Answer a close, or take note of the answer to ours; what follows it is not read."""
        if frame.msg_type is not WSMsgType.CLOSE:
            return
        if not transport.is_close_frame_sent:
            code = frame.get_close_code()
            transport.send_close(WSCloseCode.OK if code is WSCloseCode.NO_INFO else code)
        transport.disconnect()

    def _deliver(self, transport: WSTransport) -> None:
        self.inbox.deliver()
        if self.inbox.failure is not None:
            self._is_closing = True
            transport.disconnect(graceful=False)


async def open_picows(url: str) -> PicowsSocket:
    """Open a connection; see `open_socket`."""
    proxy = _proxy_of(url)
    try:
        async with asyncio.timeout(OPEN_TIMEOUT_S):
            _, socket = await ws_connect(
                PicowsSocket,
                url,
                websocket_handshake_timeout=OPEN_TIMEOUT_S,
                enable_auto_pong=False,  # the library would not tell of the pings
                max_frame_size=MAX_MESSAGE_BYTES,
                read_buffer_init_size=READ_BYTES,
                proxy=proxy,
            )
    except WSInvalidURL as error:
        raise wrong_address(url) from error
    except (OSError, TimeoutError, WSError, *_PROXY_ERRORS) as error:
        raise no_connection(url, error) from error
    if not isinstance(socket, PicowsSocket):  # it was cut before the exchange had answered
        raise no_connection(url, ConnectionResetError("closed during the handshake"))
    return socket


def _proxy_of(url: str) -> str | None:
    proxy = websocket_proxy(url)
    if proxy is None:
        return None
    scheme, _, rest = proxy.partition("://")
    known = _REMOTE_NAMES.get(scheme, scheme)
    if known not in PROXIES:
        raise wrong_proxy(ValueError(f"proxies by {scheme!r} are not known"))
    return f"{known}://{rest}"
