"""Pings to one client, and the deadline of each pong.

Source: binance-spot-api-docs, web-socket-streams.md: a ping every 20 seconds, and its pong with
the same payload within a minute. Unsolicited pongs are allowed but have no effect.
"""

import asyncio
from collections import deque
from collections.abc import Callable


class Keepalive:
    """Sends pings from `start` to `stop`.

    Args:
        every_s: Seconds between pings.
        within_s: Seconds a pong may take.
        ping: Function that sends a ping and returns its payload; None if it sent none.
        fail: Function to call when a pong is overdue.
    """

    def __init__(
        self,
        every_s: float,
        within_s: float,
        ping: Callable[[], bytes | None],
        fail: Callable[[], None],
    ) -> None:
        self._every_s = every_s
        self._within_s = within_s
        self._send = ping
        self._fail = fail
        self._loop = asyncio.get_running_loop()
        self._next: asyncio.TimerHandle | None = None
        self._waiting: deque[tuple[bytes, asyncio.TimerHandle]] = deque()

    def start(self) -> None:
        """Send the first ping after one interval."""
        self._next = self._loop.call_later(self._every_s, self._ping)

    def stop(self) -> None:
        """Stop sending pings and waiting for pongs."""
        if self._next is not None:
            self._next.cancel()
        for _, deadline in self._waiting:
            deadline.cancel()
        self._waiting.clear()

    def pong(self, payload: bytes) -> None:
        """Accept a pong, which answers its ping and all earlier ones (RFC 6455, 5.5.3)."""
        if payload not in [sent for sent, _ in self._waiting]:
            return
        while True:
            sent, deadline = self._waiting.popleft()
            deadline.cancel()
            if sent == payload:
                return

    def _ping(self) -> None:
        sent = self._send()
        if sent is not None:
            self._waiting.append((sent, self._loop.call_later(self._within_s, self._fail)))
        self.start()
