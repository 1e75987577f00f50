"""One websocket connection to the exchange, and what it has heard."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from clients.clock import steady_ms
from producers.binance.signs_of_life import SignsOfLife
from producers.binance.sockets.opening import Socket, open_socket
from producers.binance.urls import StreamAddress
from schemas.setting_types import WebsocketClient

BUSY_S: Final = 0.002  # the next frames came so soon after those before
AFTER_PING_S: Final = 1.0  # what a network that stood still held back behind a ping comes sooner
FEW_FRAMES: Final = 50  # more than these in a read: there is a backlog, and nothing to wait for


class Connection:
    """An open connection; the client answers the exchange's pings.

    Our own pings are off: the exchange counts every control frame.

    Attributes:
        address: URL and symbols of the connection.
        opened_ms: Steady time at which it was opened.
        life: When it was heard, and how much.
        newest_event_ms: Newest exchange event time on it; -1 before the first.
        first_event_ms: That time after its first read; -1 before.
        ending: True once the exchange has announced that it will close the connection.
        reading: A task that is done when the connection has ended.
    """

    def __init__(
        self,
        socket: Socket,
        address: StreamAddress,
        take: Callable[["Connection", Sequence[bytes]], None],
        on_ping: Callable[["Connection", int], None],
        pause_ms: int = 0,
    ) -> None:
        self.address = address
        self.opened_ms = steady_ms()
        self.life = SignsOfLife(self.opened_ms)
        self.newest_event_ms = self.first_event_ms = -1
        self.ending = False
        self._socket = socket
        self._take = take
        self._on_ping = on_ping
        self._loop = asyncio.get_running_loop()
        self._pause_s = pause_ms / 1000
        self._read_s = 0.0
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
        if self.first_event_ms < 0:
            self.first_event_ms = self.newest_event_ms
        if self._pause_s and len(frames) < FEW_FRAMES:
            self._pause_if_busy()

    def _pause_if_busy(self) -> None:
        """Let some frames gather: to wake up for each costs more than to read it."""
        before_s, self._read_s = self._read_s, self._loop.time()
        if self._read_s - before_s < BUSY_S:
            self._socket.pause()
            self._loop.call_later(self._pause_s, self._go_on)

    def _go_on(self) -> None:
        self._read_s = self._loop.time()
        self._socket.resume()

    def _pinged(self) -> None:
        heard_ms = steady_ms()
        self.life.ping(heard_ms)
        # Where this process or the network stood still the ping is old, and what was sent after it
        # is read later: only some time without a frame shows that nothing was behind it.
        self._loop.call_later(AFTER_PING_S, self._tell_ping, heard_ms)

    def _tell_ping(self, heard_ms: int) -> None:
        if not self.reading.done():
            self._on_ping(self, heard_ms)


async def open_connection(
    address: StreamAddress,
    take: Callable[[Connection, Sequence[bytes]], None],
    on_ping: Callable[[Connection, int], None] = lambda *_: None,
    *,
    client: WebsocketClient = "websockets",
    pause_ms: int = 0,
) -> Connection:
    """Open a connection.

    Args:
        address: URL and symbols.
        take: Called with all frames that were read together.
        on_ping: Called some time after each ping of the exchange with the steady time at which it
            was read, once all is read that was sent with it.
        client: The library that runs it.
        pause_ms: For how long a busy connection is not read, so that frames are read together.

    Raises:
        Transient: The exchange cannot be reached or refuses now.
        ConfigurationError: As `open_socket`.

    Source: binance-spot-api-docs, web-socket-streams.md, "General WSS information".
    """
    socket = await open_socket(address.url, client)
    return Connection(socket, address, take, on_ping, pause_ms)
