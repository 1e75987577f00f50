"""The quick way of the usual frame: the next trade of a symbol of which nothing is missing.

The frames of a read are decoded together, and go into the columns of their blocks together. What
is checked is what the other way checks; a frame that fails a check has changed nothing, and takes
the other way, which says what becomes of it. Frames are taken in their order, so that both ways
publish the same of each symbol.
"""

from collections.abc import Mapping
from typing import Final

from clients.clock import steady_ms
from producers.binance.typed_frames import DecodedFrames
from producers.binance.websocket import Connection
from producers.trades.exchange_clock import ExchangeClock
from producers.trades.packing.columns import TradeColumns
from producers.trades.symbol_stream import SymbolFlow
from schemas.rules.checks import is_symbol
from schemas.timeframe import MINUTE_MS

MANY_SYMBOLS: Final = 3  # from here on each symbol is a witness of the time, else each stream


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
        flow: The symbol's flow.
        witness: Who tells the exchange's time in its frames.
        rows: Frames whose trades are not in the columns yet, by their index.
        next_agg_id: Id of the aggregate that may come.
        next_trade_id: Id of its first trade.
        room: Trades that the block has room for.
        next_minute_ms: Event time from which on a trade opens a minute.
        received_ms: The exchange's time when the last of the rows was read.
    """

    __slots__ = (
        "columns",
        "flow",
        "next_agg_id",
        "next_minute_ms",
        "next_trade_id",
        "received_ms",
        "room",
        "rows",
        "witness",
    )

    def __init__(self, flow: SymbolFlow, columns: TradeColumns, witness: str) -> None:
        self.flow = flow
        self.witness = witness
        self.rows: list[int]
        self.received_ms = 0
        self.grow(columns)

    def grow(self, columns: TradeColumns) -> None:
        """Go on with columns of the flow, and no row."""
        self.columns, self.rows = columns, []
        self.next_agg_id = columns.next_agg_id
        self.next_trade_id = columns.next_trade_id
        self.room = self.flow.block_trades - len(columns)
        self.next_minute_ms = (self.flow.newest_event_ms // MINUTE_MS + 1) * MINUTE_MS

    def settle(self, frames: DecodedFrames, opened_ms: int) -> None:
        """Let the flow know of the rows; they are published with the next tick."""
        if self.rows:
            self.put(frames, opened_ms)
            self.flow.flush_soon()

    def put(self, frames: DecodedFrames, opened_ms: int) -> None:
        """Put the trades of the rows into the columns.

        Args:
            frames: Where the rows are.
            opened_ms: Steady time at which their connection was opened.
        """
        rows, self.rows = self.rows, []
        columns = self.columns
        trades = [trade for row in rows if (trade := frames.trades[row])]
        columns.extend(
            event_ms=[one.event_ms for one in trades],
            price_e8=[frames.prices_e8[row] for row in rows],
            quantity_e8=[frames.quantities_e8[row] for row in rows],
            fills=[frames.fills[row] for row in rows],
            taker_sold=[one.taker_sold for one in trades],
        )
        self.flow.stamp(self.received_ms, columns.newest_ms)
        self.flow.columns_grew(trades[-1].event_ms, opened_ms)


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
        self._frames = DecodedFrames(())
        self._opened_ms = self._received_ms = 0
        self._followed = 0

    def take(self, connection: Connection, frames: DecodedFrames, at: int) -> int:
        """Take frames from an index on, and return the index of the first that is not usual.

        The flows know of the trades once they are settled.

        Args:
            connection: Where they were read.
            frames: Frames that were read together.
            at: Index of the first one.
        """
        clock, now_ms = self._clock, steady_ms()
        newest_ms, received_ms = connection.newest_event_ms, clock.now_ms(now_ms)
        if received_ms < self._received_ms:  # the clock went back: rows of before keep their time
            self.settle_all()
        self._frames, self._opened_ms = frames, connection.opened_ms
        heard_ms, latest_ms = clock.bounds_ms(now_ms)
        runs, trades = self._runs, frames.trades
        while at < len(trades):
            trade = trades[at]
            if trade is None:
                break
            run = runs.get(trade.symbol) or self._begin(trade.symbol)
            if run is None:
                break
            sent_ms, event_ms = trade.sent_ms, trade.event_ms
            if (
                trade.agg_id != run.next_agg_id
                or trade.first_trade_id != run.next_trade_id
                or sent_ms > latest_ms
                or event_ms > latest_ms
            ):
                break
            if sent_ms <= heard_ms:
                clock.note(run.witness, sent_ms, now_ms)
            elif clock.hear(run.witness, sent_ms, now_ms):
                heard_ms, latest_ms = clock.bounds_ms(now_ms)
                received_ms = clock.now_ms(now_ms)
            run.rows.append(at)
            run.received_ms = received_ms
            run.next_agg_id += 1
            run.next_trade_id = trade.last_trade_id + 1
            run.room -= 1
            if event_ms >= run.next_minute_ms or not run.room:
                connection.newest_event_ms = newest_ms
                self._cut(run)
            newest_ms = max(newest_ms, sent_ms)
            at += 1
        connection.newest_event_ms = newest_ms
        self._received_ms = received_ms
        return at

    def settle(self, symbol: str) -> None:
        """Let the flow of a symbol know of its trades: a frame that is not usual is next."""
        if run := self._runs.pop(symbol, None):
            run.settle(self._frames, self._opened_ms)

    def settle_all(self) -> None:
        """Let all flows know of their trades."""
        runs, self._runs = self._runs, {}
        for run in runs.values():
            run.settle(self._frames, self._opened_ms)

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

    def _cut(self, run: _Run) -> None:
        """Publish a symbol's trades up to here: a block is full, or a minute begins."""
        run.put(self._frames, self._opened_ms)
        run.flow.flush()
        columns = run.flow.columns_to_grow()
        if columns is None:  # Kafka's queue is full
            del self._runs[run.columns.symbol]
        else:
            run.grow(columns)
