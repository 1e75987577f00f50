"""Frames to where they belong: trades, candles, notices, and what is unreadable."""

from collections import deque
from collections.abc import Mapping
from typing import Final, Protocol

from producers.binance.parse import ShutdownNotice, parse_frame
from producers.binance.stream import Connection
from producers.clock import steady_ms
from producers.counts import Counts
from producers.flow import SymbolFlow
from producers.kline_flow import KlineFlow
from schemas.dead_letters import Origin
from schemas.errors import PoisonMessage
from schemas.market import Candle, Trade

MAX_UNSENT: Final = 1_000
READER: Final = "stream"


class DeadLetters(Protocol):
    """Where unreadable records go."""

    def send_dead_letter(self, raw: bytes, origin: Origin) -> bool:
        """Queue one; False while the queue is full."""


class Dispatch:
    """The one reader of frames of the process."""

    def __init__(
        self,
        flows: Mapping[str, SymbolFlow],
        klines: KlineFlow,
        dead_letters: DeadLetters,
        counts: Counts,
    ) -> None:
        self._flows = flows
        self._klines = klines
        self._dead_letters = dead_letters
        self._counts = counts
        self._unsent: deque[tuple[PoisonMessage, str]] = deque(maxlen=MAX_UNSENT)

    def take(self, connection: Connection, raw: bytes) -> None:
        """Take one frame of a connection."""
        try:
            self._apply(connection, raw)
        except PoisonMessage as error:
            self._counts.dead_letters += 1
            self._unsent.append((error, connection.address.url))
            self.send_dead_letters()

    def send_dead_letters(self) -> None:
        """Queue the unreadable frames, as far as there is room."""
        while self._unsent:
            error, address = self._unsent[0]
            origin = Origin(str(error), reader=READER, source=address)
            if not self._dead_letters.send_dead_letter(error.raw, origin):
                return
            self._unsent.popleft()

    def _apply(self, connection: Connection, raw: bytes) -> None:
        frame = parse_frame(raw)
        value = frame.value
        if isinstance(value, Trade):
            self._flow(value, raw).offer(value)
        elif isinstance(value, Candle):
            self._klines.offer(value)
        elif isinstance(value, ShutdownNotice):
            connection.ending = True
        if frame.trade_ids_to >= 0 and frame.symbol in self._flows:
            self._flows[frame.symbol].evidence.tell(frame.trade_ids_to, steady_ms())
        connection.newest_event_ms = max(connection.newest_event_ms, frame.sent_ms)

    def _flow(self, trade: Trade, raw: bytes) -> SymbolFlow:
        flow = self._flows.get(trade.symbol)
        if flow is None:
            raise PoisonMessage(f"{trade.symbol} was not asked for", raw=raw)
        if not flow.continuity.is_plausible(trade):
            raise PoisonMessage(f"id {trade.agg_id} is far beyond the newest", raw=raw)
        return flow
