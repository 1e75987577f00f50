"""The hub: sends the market's frames to every connection as the clock advances."""

import asyncio
import time
from dataclasses import dataclass
from typing import Final

from candlewick.exchange.faults.active import TRADING, ActiveFaults
from candlewick.exchange.faults.frames import Distortion, spoilt
from candlewick.exchange.market.clock import MarketClock
from candlewick.exchange.market.intervals import DAY_MINUTES, MINUTE_MS
from candlewick.exchange.market.source import Market
from candlewick.exchange.server import connection_faults
from candlewick.exchange.server.errors import ApiError, unsupported
from candlewick.exchange.server.limits import Limits
from candlewick.exchange.server.session import Session, SocketRules
from candlewick.exchange.streams.feed import CLOSE_DELAY_MS, Feed, Frame
from candlewick.exchange.streams.names import Topic

_TICK_S: Final = 0.01
_LONGEST_MS: Final = 5_000
_DRAIN_BYTES: Final = 4 << 20


@dataclass(frozen=True, slots=True)
class _Line:
    joined_ms: int
    distortion: Distortion


class Hub:
    """Holds all connections and sends each its frames."""

    def __init__(
        self,
        clock: MarketClock,
        market: Market,
        rules: SocketRules,
        *,
        arsenal: ActiveFaults,
        limits: Limits,
    ) -> None:
        self.rules = rules
        self._arsenal = arsenal
        self._limits = limits
        self.symbols = frozenset(market)
        self.sessions: dict[Session, _Line] = {}
        self._clock = clock
        self._market = market
        self._feed = Feed(market)
        self._topics: set[Topic] | None = None

    def now_ms(self) -> int:
        """Return the market's time."""
        return self._clock.now_ms()

    def refuse(self, path: str, client: str) -> ApiError | None:
        """Return the error for refusing a connection, or None to accept it."""
        if not self._limits.connect(client, time.time()):
            return ApiError(-1003, "Too many connection attempts in five minutes.", status=429)
        if path.rstrip("/") == "/stream" or path == "/ws" or path.startswith("/ws/"):
            return None
        return unsupported()

    def join(self, session: Session) -> None:
        """Start to send frames to a connection."""
        self.sessions[session] = _Line(self.now_ms(), Distortion(self._arsenal))
        self.changed()

    def leave(self, session: Session) -> None:
        """Stop sending frames to a connection."""
        self.sessions.pop(session, None)
        self.changed()

    def changed(self) -> None:
        """Note that a connection's subscriptions have changed."""
        self._topics = None

    def silent(self, session: Session) -> bool:
        """Return whether a fault keeps a connection silent now."""
        line = self.sessions.get(session)
        if line is None:
            return False
        return connection_faults.silent(self._arsenal, session, line.joined_ms, self.now_ms())

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
        frames = [frame for frame in frames if not self._is_halted(frame)]
        for session, line in list(self.sessions.items()):
            self._deliver(session, line, frames, upto_ms)
        joined = {session: line.joined_ms for session, line in self.sessions.items()}
        connection_faults.cut(self._arsenal, joined, after_ms, upto_ms)
        connection_faults.shut_down(self._arsenal, joined, after_ms, upto_ms)
        connection_faults.end(self._arsenal, joined, after_ms, upto_ms)

    def _is_halted(self, frame: Frame) -> bool:
        topic = frame.topic  # trades need no look: a halted market has none
        if topic.kind != "kline":
            return False
        # Of the time that the frame tells of: the last one of a kline comes after its end.
        told_ms = frame.event_ms - CLOSE_DELAY_MS - 1
        return self._arsenal.status(topic.symbol, told_ms) != TRADING

    def _deliver(self, session: Session, line: "_Line", frames: list[Frame], upto_ms: int) -> None:
        held = session.subscriptions
        wanted = [frame for frame in frames if held.wants(frame.topic)]
        if line.distortion.idle():
            session.write(held.wrapped(frame.topic.name, frame.body) for frame in wanted)
            return
        passed = line.distortion.passed(wanted, upto_ms, session.ordinal)
        if not connection_faults.silent(self._arsenal, session, line.joined_ms, upto_ms):
            session.write(
                spoilt(held.wrapped(frame.topic.name, frame.body), how) for frame, how in passed
            )

    async def _drained(self) -> None:
        # After a jump of the clock there is more to send than the sockets accept at once.
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
            source = self._market[symbol]
            is_traded = source.first_minute <= minute < source.end_minute
            if is_traded and not source.holds(minute):
                source.trades(minute)
                source.candles(minute // DAY_MINUTES)
                return
