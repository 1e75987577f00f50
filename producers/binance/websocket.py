"""One websocket connection to the exchange, and what it has heard."""

import asyncio
from collections.abc import Callable, Sequence

from clients.clock import steady_ms
from producers.binance.signs_of_life import SignsOfLife
from producers.binance.sockets.opening import Socket, open_socket
from producers.binance.urls import StreamAddress
from schemas.setting_types import WebsocketClient


class Connection:
    """An open connection; the client answers the exchange's pings.

    Our own pings are off: the exchange counts every control frame.

    Attributes:
        address: URL and symbols of the connection.
        opened_ms: Steady time at which it was opened.
        life: When it was heard, and how much.
        newest_event_ms: Newest exchange event time on it; -1 before the first.
        ending: True once the exchange has announced that it will close the connection.
        reading: A task that is done when the connection has ended.
    """

    def __init__(
        self,
        socket: Socket,
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
        self.reading = asyncio.create_task(self._read())

    async def close(self) -> None:
        """Close the connection and wait for its reading task."""
        await self._socket.close()
        await self.reading

    async def _read(self) -> None:
        inbox = self._socket.inbox
        inbox.open(self._arrived, self._pinged)
        if inbox.failure is None:
            await self._socket.ended()
        else:
            await self._socket.close()
        if inbox.failure is not None:
            raise inbox.failure

    def _arrived(self, frames: Sequence[bytes]) -> None:
        self.life.frame(steady_ms(), len(frames))
        self._take(self, frames)

    def _pinged(self) -> None:
        self.life.ping(steady_ms())
        self._on_ping(self)


async def open_connection(
    address: StreamAddress,
    take: Callable[[Connection, Sequence[bytes]], None],
    on_ping: Callable[[Connection], None] = lambda _: None,
    *,
    client: WebsocketClient = "websockets",
) -> Connection:
    """Open a connection.

    Args:
        address: URL and symbols.
        take: Called with all frames that were read together.
        on_ping: Called at the exchange's pings.
        client: The library that runs it.

    Raises:
        Transient: The exchange cannot be reached or refuses now.
        ConfigurationError: As `open_socket`.

    Source: binance-spot-api-docs, web-socket-streams.md, "General WSS information".
    """
    return Connection(await open_socket(address.url, client), address, take, on_ping)
