"""One websocket connection to the exchange, and the task that reads its frames."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import (
    ConnectionClosed,
    InvalidHandshake,
    InvalidProxy,
    InvalidURI,
    ProxyError,
)
from websockets.frames import Frame as WireFrame
from websockets.frames import Opcode
from websockets.protocol import Event

from clients.clock import steady_ms
from clients.proxies import websocket_proxy
from producers.binance.signs_of_life import SignsOfLife
from producers.binance.urls import StreamAddress
from schemas.errors import ConfigurationError, Transient

OPEN_TIMEOUT_S: Final = 10.0
CLOSE_TIMEOUT_S: Final = 1.0
MAX_FRAME_BYTES: Final = 1 << 20
WAITING_FRAMES: Final = 4096


class _Heard(ClientConnection):
    """The library's connection, which also tells of the exchange's pings."""

    on_ping: Callable[[], None] | None = None

    def process_event(self, event: Event) -> None:
        super().process_event(event)
        if isinstance(event, WireFrame) and event.opcode is Opcode.PING and self.on_ping:
            self.on_ping()


class Connection:
    """An open connection, read by its own task; the client answers the exchange's pings.

    Our own pings are off: the exchange counts every control frame.

    Attributes:
        address: URL and symbols of the connection.
        opened_ms: Steady time at which it was opened.
        life: When it was heard, and how much.
        newest_event_ms: Newest exchange event time on it; -1 before the first.
        ending: True once the exchange has announced that it will close the connection.
        reading: The task that reads; done when the connection has ended.
    """

    def __init__(
        self,
        socket: ClientConnection,
        address: StreamAddress,
        take: Callable[["Connection", Sequence[bytes]], None],
        on_ping: Callable[["Connection"], None],
    ) -> None:
        self.address = address
        self.opened_ms = steady_ms()
        self.life = SignsOfLife(self.opened_ms)
        self.newest_event_ms = -1
        self.ending = False
        self._socket = socket
        self._take = take
        self._on_ping = on_ping
        if isinstance(socket, _Heard):
            socket.on_ping = self._pinged
        self.reading = asyncio.create_task(self._read())

    async def close(self) -> None:
        """Close the connection and wait for its reading task."""
        await self._socket.close()
        await self.reading

    async def _read(self) -> None:
        try:
            while True:
                raw = await self._socket.recv(decode=False)
                self.life.frame(steady_ms())
                self._take(self, (raw,))
        except ConnectionClosed:
            return

    def _pinged(self) -> None:
        self.life.ping(steady_ms())
        self._on_ping(self)


async def open_connection(
    address: StreamAddress,
    take: Callable[[Connection, Sequence[bytes]], None],
    on_ping: Callable[[Connection], None] = lambda _: None,
) -> Connection:
    """Open a connection; ``take`` is called with every frame, ``on_ping`` at the exchange's pings.

    Raises:
        Transient: The exchange cannot be reached or refuses now.
        ConfigurationError: The address is not a websocket URL.

    Source: binance-spot-api-docs, web-socket-streams.md, "General WSS information".
    """
    try:
        socket = await connect(
            address.url,
            ping_interval=None,
            compression=None,
            open_timeout=OPEN_TIMEOUT_S,
            close_timeout=CLOSE_TIMEOUT_S,
            max_size=MAX_FRAME_BYTES,
            max_queue=WAITING_FRAMES,
            proxy=websocket_proxy(address.url),
            create_connection=_Heard,
        )
    except InvalidURI as error:
        raise ConfigurationError(
            f"{address.url[:80]} is not a websocket address: correct CANDLEWICK_BINANCE__STREAM_URL"
        ) from error
    except (ImportError, InvalidProxy, NotImplementedError) as error:
        raise ConfigurationError(f"{error}: correct HTTPS_PROXY or ALL_PROXY") from error
    except (OSError, TimeoutError, ProxyError, InvalidHandshake) as error:
        raise Transient(f"no connection to {address.url[:60]}: {error!r}") from error
    return Connection(socket, address, take, on_ping)
