"""One websocket connection to the exchange, and the task that reads its frames."""

import asyncio
from collections.abc import Callable
from typing import Final

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import (
    ConnectionClosed,
    InvalidHandshake,
    InvalidProxy,
    InvalidURI,
    ProxyError,
)

from clients.clock import steady_ms
from clients.proxies import websocket_proxy
from producers.binance.urls import StreamAddress
from schemas.errors import ConfigurationError, Transient

OPEN_TIMEOUT_S: Final = 10.0
CLOSE_TIMEOUT_S: Final = 1.0
MAX_FRAME_BYTES: Final = 1 << 20
WAITING_FRAMES: Final = 4096


class Connection:
    """An open connection, read by its own task; the client answers the exchange's pings.

    Our own pings are off: the exchange counts every control frame.

    Attributes:
        address: URL and symbols of the connection.
        opened_ms: Steady time at which it was opened.
        heard_ms: Steady time at which its newest frame arrived.
        newest_event_ms: Newest exchange event time on it; -1 before the first.
        ending: True once the exchange has announced that it will close the connection.
        reading: The task that reads; done when the connection has ended.
    """

    def __init__(
        self,
        socket: ClientConnection,
        address: StreamAddress,
        take: Callable[["Connection", bytes], None],
    ) -> None:
        self.address = address
        self.opened_ms = self.heard_ms = steady_ms()
        self.newest_event_ms = -1
        self.ending = False
        self._socket = socket
        self._take = take
        self.reading = asyncio.create_task(self._read())

    async def close(self) -> None:
        """Close the connection and wait for its reading task."""
        await self._socket.close()
        await self.reading

    async def _read(self) -> None:
        try:
            while True:
                raw = await self._socket.recv(decode=False)
                self.heard_ms = steady_ms()
                self._take(self, raw)
        except ConnectionClosed:
            return


async def open_connection(
    address: StreamAddress, take: Callable[[Connection, bytes], None]
) -> Connection:
    """Open a connection; ``take`` is called with every frame.

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
        )
    except InvalidURI as error:
        raise ConfigurationError(
            f"{address.url[:80]} is not a websocket address: correct CANDLEWICK_BINANCE__STREAM_URL"
        ) from error
    except (ImportError, InvalidProxy, NotImplementedError) as error:
        raise ConfigurationError(f"{error}: correct HTTPS_PROXY or ALL_PROXY") from error
    except (OSError, TimeoutError, ProxyError, InvalidHandshake) as error:
        raise Transient(f"no connection to {address.url[:60]}: {error!r}") from error
    return Connection(socket, address, take)
