"""The connections of all symbols, which are spread anew as symbols come and go."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence

from producers.binance.urls import StreamAddress, stream_addresses
from producers.binance.websocket import Connection
from producers.trades.connections import Attempts, RotatingConnection
from schemas.settings import StreamSettings


class Lines:
    """Every followed symbol is carried by one line, a line carries many symbols."""

    def __init__(
        self,
        base_url: str,
        connect: Callable[[StreamAddress], Awaitable[Connection]],
        on_unproven: Callable[[Iterable[str], int], None],
        settings: StreamSettings,
    ) -> None:
        """Set up without a connection; for the arguments see `RotatingConnection`."""
        self._base_url = base_url
        self._connect = connect
        self._on_unproven = on_unproven
        self._settings = settings
        self._attempts = Attempts()
        self._lines: list[RotatingConnection] = []
        self._tasks: dict[RotatingConnection, asyncio.Task[None]] = {}
        self._line_of: dict[str, RotatingConnection] = {}
        self._tried = 0

    def newest_event_ms(self, symbol: str) -> int:
        """Newest exchange event time on connections that carry a symbol; -1 without any."""
        line = self._line_of.get(symbol)
        return -1 if line is None else line.newest_event_ms(symbol)

    @property
    def is_open(self) -> bool:
        """Whether any connection is open."""
        return any(line.is_open for line in self._lines)

    @property
    def attempts(self) -> int:
        """Attempts to connect so far."""
        return self._tried + sum(line.attempts for line in self._lines)

    async def opened(self, symbol: str) -> None:
        """Wait until the line that carries a symbol has had a connection."""
        if symbol in self._line_of:
            await self._line_of[symbol].opened.wait()

    def carry(self, symbols: Sequence[str], tasks: asyncio.TaskGroup) -> None:
        """Carry exactly these symbols from now on; lines that change are connected anew."""
        before = [line.address for line in self._lines]
        if set(symbols) == self._line_of.keys():
            return
        addresses = stream_addresses(self._base_url, symbols, before)
        for line, address in zip(list(self._lines), addresses, strict=False):
            if not address.symbols:
                self._end(line)
            elif line.address != address:
                line.address = address
        for address in addresses[len(before) :]:
            self._begin(address, tasks)
        self._line_of = {s: line for line in self._lines for s in line.address.symbols}

    def _begin(self, address: StreamAddress, tasks: asyncio.TaskGroup) -> None:
        line = RotatingConnection(
            address, self._connect, self._on_unproven, self._settings, self._attempts
        )
        self._lines.append(line)
        self._tasks[line] = tasks.create_task(line.run())

    def _end(self, line: RotatingConnection) -> None:
        self._tried += line.attempts
        self._lines.remove(line)
        self._tasks.pop(line).cancel()
