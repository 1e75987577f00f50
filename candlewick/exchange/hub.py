"""Carries the market's frames to every connection, as its clock goes on."""

import asyncio
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from candlewick.exchange.clock import MarketClock
from candlewick.exchange.feed import Feed, Frame
from candlewick.exchange.intervals import MINUTE_MS
from candlewick.exchange.sockets import Session
from candlewick.exchange.source import Market
from candlewick.exchange.topics import Topic

_TICK_S: Final = 0.01
_LONGEST_MS: Final = 5_000
_DRAIN_BYTES: Final = 4 << 20


@dataclass(frozen=True, slots=True)
class SocketRules:
    """What the exchange asks of a connection."""

    ping_every_s: float = 20.0
    pong_within_s: float = 60.0
    messages_a_second: int = 5
    lifetime_s: float = 86_400.0


class Hub:
    """Knows every connection and gives each its frames."""

    def __init__(self, clock: MarketClock, market: Market, rules: SocketRules) -> None:
        self.rules = rules
        self.symbols = frozenset(market)
        self.sessions: dict[Session, None] = {}
        self._clock = clock
        self._market = market
        self._feed = Feed(market)
        self._topics: set[Topic] | None = None

    def now_ms(self) -> int:
        """Return the market's time."""
        return self._clock.now_ms()

    def refuse(self, path: str, client: str) -> tuple[HTTPStatus, str] | None:
        """Return why a connection is not accepted, if it is not."""
        del client
        if path.rstrip("/") == "/stream" or path == "/ws" or path.startswith("/ws/"):
            return None
        return HTTPStatus.NOT_FOUND, "no such path: use /ws/<stream> or /stream?streams=<a>/<b>\n"

    def join(self, session: Session) -> None:
        """Begin to send frames to a connection."""
        self.sessions[session] = None
        self.changed()

    def leave(self, session: Session) -> None:
        """Send nothing more to a connection."""
        self.sessions.pop(session, None)
        self.changed()

    def changed(self) -> None:
        """Take note that somebody listens to other streams than before."""
        self._topics = None

    def may_ping(self, session: Session) -> bool:
        """Tell whether a ping may leave for a connection now."""
        del session
        return True

    async def run(self) -> None:
        """Send frames for ever."""
        last_ms = self.now_ms()
        while True:
            now_ms = self.now_ms()
            while last_ms < now_ms:
                upto_ms = min(now_ms, last_ms + _LONGEST_MS)
                self._send(last_ms, upto_ms)
                last_ms = upto_ms
                await self._drained()
            self._warm(now_ms)
            await asyncio.sleep(_TICK_S)

    def _send(self, after_ms: int, upto_ms: int) -> None:
        topics = self._wanted()
        frames = self._feed.frames(topics, after_ms, upto_ms) if topics else []
        for session in list(self.sessions):
            self._deliver(session, frames)

    def _deliver(self, session: Session, frames: list[Frame]) -> None:
        held = session.subscriptions
        session.write(held.wrapped(f.topic.name, f.body) for f in frames if held.wants(f.topic))

    async def _drained(self) -> None:
        # After a jump of the clock there is more to send than the sockets take at once.
        await asyncio.sleep(0)
        for _ in range(100):
            if all(session.buffered < _DRAIN_BYTES for session in self.sessions):
                return
            await asyncio.sleep(_TICK_S)

    def _wanted(self) -> set[Topic]:
        if self._topics is None:
            held = (session.subscriptions.topics.values() for session in self.sessions)
            self._topics = {topic for topics in held for topic in topics if topic is not None}
        return self._topics

    def _warm(self, now_ms: int) -> None:
        # Make the next minute's trades ahead of time, one symbol a tick, so that no tick is late.
        minute = now_ms // MINUTE_MS + 1
        for symbol in sorted({topic.symbol for topic in self._wanted() if topic.symbol}):
            if not self._market[symbol].holds(minute):
                self._market[symbol].trades(minute)
                return
