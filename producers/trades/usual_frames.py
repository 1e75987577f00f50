"""The quick way of the usual frame: the next trade of a symbol of which nothing is missing.

It goes from its bytes into the columns of the symbol's block, without an object of its own. What
is checked is what the other way checks; a frame that fails a check has changed nothing, and takes
the other way, which says what becomes of it. Frames are taken in their order, so that both ways
publish the same.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from clients.clock import steady_ms
from producers.binance.typed_frames import UNUSUAL, WRAPPED, decode_combined, decode_raw
from producers.binance.websocket import Connection
from producers.trades.exchange_clock import ExchangeClock
from producers.trades.packing.columns import TradeColumns
from producers.trades.symbol_stream import SymbolFlow
from schemas.rules.checks import is_symbol
from schemas.timeframe import MINUTE_MS

MANY_SYMBOLS: Final = 3  # from here on each symbol is a witness of the time, else each stream
_MOST_MORE: Final = 2**31 - 2  # trades of an aggregate beyond its first: their number has 32 bits


def witness_of(symbol: str, stream: str, symbols: int) -> str:
    """Return who tells the exchange's time in a frame.

    Args:
        symbol: For example ``BTCUSDT``.
        stream: Kind of the stream.
        symbols: Number of symbols that are followed.
    """
    return f"{symbol} {'' if symbols >= MANY_SYMBOLS else stream}"


class _Run:
    """The trades of one symbol in the frames that are being read.

    Attributes:
        columns: Where they go.
        room: Trades that the block has room for.
        next_minute_ms: Event time from which on a trade opens a minute.
        last_ms: Event time of the last trade; 0 if there is none that the flow does not know of.
        sent_ms: The exchange's time in the newest frame that the clock has not heard; else 0.
        is_new: Whether it has trades that were not stamped.
    """

    __slots__ = (
        "columns",
        "flow",
        "is_new",
        "last_ms",
        "next_minute_ms",
        "room",
        "sent_ms",
        "witness",
    )

    def __init__(self, flow: SymbolFlow, columns: TradeColumns, witness: str) -> None:
        self.flow = flow
        self.witness = witness
        self.last_ms = self.sent_ms = 0
        self.is_new = False
        self.grow(columns)

    def grow(self, columns: TradeColumns) -> None:
        self.columns = columns
        self.room = self.flow.block_trades - len(columns)
        self.next_minute_ms = (self.flow.newest_event_ms // MINUTE_MS + 1) * MINUTE_MS


class UsualFrames:
    """Takes frames as long as they are usual."""

    def __init__(self, flows: Mapping[str, SymbolFlow], clock: ExchangeClock) -> None:
        """Set up without a frame.

        Args:
            flows: The symbols that are followed.
            clock: The exchange's clock.
        """
        self._flows = flows
        self._clock = clock
        self._known: dict[str, _Run] = {}
        self._runs: dict[str, _Run] = {}
        self._new: list[_Run] = []
        self._now_ms = 0
        self._followed = 0

    def take(self, connection: Connection, frames: Sequence[bytes], at: int) -> int:
        """Take frames from an index on, and return the index of the first that is not usual.

        Args:
            connection: Where they were read.
            frames: Frames that were read together.
            at: Index of the first one.
        """
        self._now_ms = steady_ms()
        newest_ms, (heard_ms, latest_ms) = connection.newest_event_ms, self._bounds()
        runs = self._runs
        while at < len(frames):
            raw = frames[at]
            try:
                frame = decode_combined(raw).data if raw.startswith(WRAPPED) else decode_raw(raw)
            except UNUSUAL:
                break
            run = runs.get(frame.symbol) or self._begin(frame.symbol)
            if run is None:
                break
            columns = run.columns
            first_id, last_id = frame.first_trade_id, frame.last_trade_id
            sent_ms, event_ms = frame.sent_ms, frame.event_ms
            price, quantity = frame.price, frame.quantity
            price_digits = price.replace(".", "", 1)
            quantity_digits = quantity.replace(".", "", 1)
            digits = price_digits + quantity_digits
            if (
                frame.agg_id != columns.next_agg_id
                or first_id != columns.next_trade_id
                or not first_id <= last_id <= first_id + _MOST_MORE
                or sent_ms > latest_ms
                or event_ms > latest_ms
                or price[-9] != "."
                or quantity[-9] != "."
                or not digits.isdecimal()
                or not digits.isascii()
            ):
                break
            price_e8, quantity_e8 = int(price_digits), int(quantity_digits)
            if not price_e8 or not quantity_e8:
                break
            if sent_ms > heard_ms:
                self._stamp()
                self._clock.hear(run.witness, sent_ms, self._now_ms)
                heard_ms, latest_ms = self._bounds()
            else:
                run.sent_ms = sent_ms
            columns.add(event_ms, price_e8, quantity_e8, last_id, frame.taker_sold)
            run.last_ms = event_ms
            run.room -= 1
            if not run.is_new:
                run.is_new = True
                self._new.append(run)
            if event_ms >= run.next_minute_ms or not run.room:
                connection.newest_event_ms = newest_ms
                self._cut(run)
            newest_ms = max(newest_ms, sent_ms)
            at += 1
        connection.newest_event_ms = newest_ms
        self._end()
        return at

    def _bounds(self) -> tuple[int, int]:
        return self._clock.bounds_ms(self._now_ms)

    def _begin(self, symbol: str) -> _Run | None:
        flow = self._flows.get(symbol)
        columns = None if flow is None else flow.columns_to_grow()
        if flow is None or columns is None or not is_symbol(symbol):
            return None
        if self._followed != len(self._flows):
            self._followed = len(self._flows)
            self._known.clear()
        run = self._known.get(symbol)
        if run is None or run.flow is not flow:
            witness = witness_of(symbol, "aggTrade", self._followed)
            run = self._known[symbol] = _Run(flow, columns, witness)
        else:
            run.grow(columns)
        self._runs[symbol] = run
        return run

    def _stamp(self) -> None:
        """Stamp what was taken since the clock moved last."""
        received_ms = self._clock.now_ms(self._now_ms)
        for run in self._new:
            if run.sent_ms:
                self._clock.note(run.witness, run.sent_ms, self._now_ms)
                run.sent_ms = 0
            run.flow.stamp(received_ms, run.columns.newest_ms)
            run.is_new = False
        self._new.clear()

    def _cut(self, run: _Run) -> None:
        """Publish a symbol's trades up to here: a block is full, or a minute begins."""
        self._stamp()
        run.flow.columns_grew(run.last_ms)
        run.last_ms = 0
        run.flow.flush()
        columns = run.flow.columns_to_grow()
        if columns is None:  # Kafka's queue is full
            del self._runs[run.columns.symbol]
        else:
            run.grow(columns)

    def _end(self) -> None:
        self._stamp()
        for run in self._runs.values():
            if run.last_ms:
                run.flow.columns_grew(run.last_ms)
                run.flow.flush_soon()
                run.last_ms = 0
        self._runs.clear()
