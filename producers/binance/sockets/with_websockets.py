"""A websocket by the library websockets: the usual client, in Python."""

from typing import Any, Final, cast

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHandshake, InvalidProxy, InvalidURI, ProxyError
from websockets.frames import Frame, Opcode
from websockets.protocol import Event

from clients.proxies import websocket_proxy
from producers.binance.sockets.inbox import MAX_MESSAGE_BYTES, Inbox
from producers.binance.sockets.limits import CLOSE_TIMEOUT_S, OPEN_TIMEOUT_S
from producers.binance.sockets.refusals import no_connection, wrong_address, wrong_proxy

_CONTENT: Final = (Opcode.TEXT, Opcode.BINARY, Opcode.CONT)


class WebsocketsSocket(ClientConnection):
    """The library's connection, whose messages go to an inbox, and not to `recv`."""

    inbox: Inbox

    def __init__(self, *arguments: Any, **named: Any) -> None:  # noqa: ANN401 - the library's
        super().__init__(*arguments, **named)
        self.inbox = Inbox()

    def data_received(self, data: bytes) -> None:
        """Hand over all messages of a read, once the library has found them."""
        super().data_received(data)
        self.inbox.deliver()
        if self.inbox.failure is not None:
            self.transport.abort()

    def process_event(self, event: Event) -> None:
        """Collect a frame of a message, tell of a ping, and leave the rest to the library."""
        if isinstance(event, Frame):
            if event.opcode in _CONTENT:
                begins = event.opcode is not Opcode.CONT
                self.inbox.add(bytes(event.data), begins=begins, ends=event.fin)
                return
            if event.opcode is Opcode.PING:
                self.inbox.ping()
        super().process_event(event)

    def pause(self) -> None:
        """Read no more until `resume`."""
        self.transport.pause_reading()

    def resume(self) -> None:
        """Read again."""
        self.transport.resume_reading()

    async def ended(self) -> None:
        """Wait until the connection is closed, whoever closes it."""
        await self.wait_closed()


async def open_websockets(url: str) -> WebsocketsSocket:
    """Open a connection; see `open_socket`."""
    try:
        return await _connect(url)
    except InvalidURI as error:
        raise wrong_address(url) from error
    except (ImportError, InvalidProxy, NotImplementedError) as error:
        raise wrong_proxy(error) from error
    except (OSError, TimeoutError, ProxyError, InvalidHandshake) as error:
        raise no_connection(url, error) from error


async def _connect(url: str) -> WebsocketsSocket:
    socket = await connect(
        url,
        ping_interval=None,
        compression=None,
        open_timeout=OPEN_TIMEOUT_S,
        close_timeout=CLOSE_TIMEOUT_S,
        max_size=MAX_MESSAGE_BYTES,
        proxy=websocket_proxy(url),
        create_connection=WebsocketsSocket,
    )
    return cast("WebsocketsSocket", socket)
