"""Dispatcher of frames: trades, candles, shutdown notices and unusable frames."""

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from clients.clock import steady_ms
from clients.watching.log import EventLog
from producers.binance.parse import UNKNOWN_MS, Frame, ShutdownNotice, parse_frame
from producers.binance.typed_frames import DecodedFrames
from producers.binance.websocket import Connection
from producers.trades.counters import Counts
from producers.trades.exchange_clock import ExchangeClock
from producers.trades.ids.id_jumps import not_followed
from producers.trades.kline_stream import KlineFlow
from producers.trades.publisher import READER
from producers.trades.symbol_stream import SymbolFlow
from producers.trades.usual_frames import UsualFrames, witness_of
from schemas.dead_letters import Origin
from schemas.errors import PoisonMessage
from schemas.market import Candle, Trade

_log = EventLog(__name__)
MAX_UNSENT: Final = 1_000
AT_ONCE: Final = 1_000  # frames: a read of picows may bring 70,000, and a frame takes 1 kB decoded
FRAMES_MS: Final = 2_000
PING_BEHIND_MS: Final = 500  # frames may wait so long at the exchange while its pings do not


class DeadLetters(Protocol):
    """Receiver of unusable records."""

    def send_dead_letter(self, raw: bytes, origin: Origin) -> bool:
        """Queue a dead letter; False while the queue is full."""


class Dispatch:
    """The only reader of frames in the process.

    Attributes:
        taken: Number of frames read, usable or not.
    """

    def __init__(
        self,
        flows: Mapping[str, SymbolFlow],
        klines: KlineFlow,
        dead_letters: DeadLetters,
        counts: Counts,
        clock: ExchangeClock,
    ) -> None:
        self.taken = 0
        self._flows = flows
        self._klines = klines
        self._dead_letters = dead_letters
        self._counts = counts
        self._clock = clock
        self._usual = UsualFrames(flows, clock)
        self._buried: set[bytes] = set()
        self._unsent: deque[tuple[PoisonMessage, str]] = deque(maxlen=MAX_UNSENT)

    def take(self, connection: Connection, frames: Sequence[bytes]) -> None:
        """Pass on the content of frames that a connection has read together."""
        self.taken += len(frames)
        for begin in range(0, len(frames), AT_ONCE):
            self._take_some(connection, frames[begin : begin + AT_ONCE])

    def _take_some(self, connection: Connection, frames: Sequence[bytes]) -> None:
        decoded, at = DecodedFrames(frames), 0
        try:
            while (at := self._usual.take(connection, decoded, at)) < len(frames):
                self._take_one(connection, bytes(frames[at]))
                at += 1
        finally:
            self._usual.settle_all()

    def _take_one(self, connection: Connection, raw: bytes) -> None:
        try:
            self._apply(connection, raw)
        except PoisonMessage as error:
            self.bury(error, connection.address.url)

    def hear_ping(self, connection: Connection, heard_ms: int) -> None:
        """Take note of a ping: what was sent before it has arrived.

        A pair without trades has no frame that would say how far the stream is.

        Args:
            connection: It has read all that had arrived with the ping.
            heard_ms: Steady time at which the ping was read. When it was sent is not known.
        """
        # Where frames come, before the ping or behind it, their own times say how far the stream
        # is, without an estimate of the clock.
        if self._clock.is_set and connection.life.without_frame_ms(heard_ms) >= FRAMES_MS:
            passed_ms = self._clock.now_ms(heard_ms) - PING_BEHIND_MS
            connection.newest_event_ms = max(connection.newest_event_ms, passed_ms)

    def bury(self, error: PoisonMessage, address: str) -> None:
        """Send unusable data from an address to the dead-letter topic."""
        self._counts.dead_letters += 1
        if len(self._unsent) == MAX_UNSENT:  # Kafka is unreachable
            _log.error(
                "dead_letter_lost",
                "no room for a dead letter from {address}: {reason}",
                address=address,
                reason=self._unsent[0][0],
            )
        self._unsent.append((error, address))
        self.send_dead_letters()

    def bury_once(self, error: PoisonMessage, address: str) -> None:
        """Bury data that may arrive repeatedly: the same bytes get one dead letter."""
        if len(self._buried) >= MAX_UNSENT:
            self._buried.clear()
        if error.raw not in self._buried:
            self._buried.add(error.raw)
            self.bury(error, address)

    def send_dead_letters(self) -> None:
        """Queue the waiting dead letters, as far as there is room."""
        while self._unsent:
            error, address = self._unsent[0]
            origin = Origin(str(error), reader=READER, source=address)
            if not self._dead_letters.send_dead_letter(error.raw, origin):
                return
            self._unsent.popleft()

    def _apply(self, connection: Connection, raw: bytes) -> None:
        frame = parse_frame(raw)
        value = frame.value
        if isinstance(value, ShutdownNotice):
            connection.ending = True
        if frame.sent_ms == UNKNOWN_MS:
            return
        flow = self._flows.get(frame.symbol)
        if flow is None and frame.symbol in connection.address.carried:
            return  # it has just been removed, or is about to be added
        if flow is None:
            raise PoisonMessage(f"{frame.symbol} was not asked for", raw=raw)
        self._usual.settle(frame.symbol)
        self._judge_time(frame, raw)
        if isinstance(value, Trade):
            self._take_trade(flow, value, raw, connection)
        elif isinstance(value, Candle):
            self._klines.offer(value)
        if frame.trade_ids_to >= 0:
            flow.evidence.tell(frame.trade_ids_to, steady_ms())
        connection.newest_event_ms = max(connection.newest_event_ms, frame.sent_ms)

    def _judge_time(self, frame: Frame, raw: bytes) -> None:
        now_ms = steady_ms()
        witness = witness_of(frame.symbol, frame.stream, len(self._flows))
        self._clock.hear(witness, frame.sent_ms, now_ms)
        times = {"event time": frame.sent_ms}
        if isinstance(frame.value, Trade):
            times["trade time"] = frame.value.event_ms
        elif isinstance(frame.value, Candle):
            times["end of a closed candle"] = frame.value.close_ms
        for name, time_ms in times.items():
            if self._clock.is_ahead(time_ms, now_ms):
                ahead_s = (time_ms - self._clock.now_ms(now_ms)) / 1000
                raise PoisonMessage(
                    f"{name} {time_ms} ms is {ahead_s:.0f} s ahead of the exchange's clock", raw=raw
                )

    def _take_trade(
        self, flow: SymbolFlow, trade: Trade, raw: bytes, connection: Connection
    ) -> None:
        verdict = flow.jumps.judge(trade, raw, flow.continuity.known_id)
        for one in verdict.taken:
            # One that was kept may be of another connection.
            flow.offer(one, connection.opened_ms if one is trade else UNKNOWN_MS)
        for refused in verdict.refused:
            self.bury(not_followed(refused.trade, refused.raw), connection.address.url)
