"""Writer of one symbol's trade blocks to Kafka, with their times and watermarks."""

from clients.clock import steady_ms
from clients.watching.metrics import RECEIVED, reached
from producers.trades.counters import Counts
from producers.trades.exchange_clock import ExchangeClock
from producers.trades.outlet import Outlet
from producers.trades.packing.blocks import cut_block, leading_run
from producers.trades.packing.columns import TradeColumns
from schemas.market import NO_TRADE_ID, Gap, Trade, TradeBlock, empty_block
from schemas.rules.market import AHEAD_MS


class BlockWriter:
    """Writes the blocks of one symbol, in order.

    Attributes:
        watermark_ms: Watermark of the newest block; 0 before the first.
        next_id: Aggregate id that follows the newest block.
    """

    def __init__(
        self, symbol: str, outlet: Outlet, counts: Counts, clock: ExchangeClock, *, most: int
    ) -> None:
        """Set up the writer.

        Args:
            symbol: For example ``BTCUSDT``.
            outlet: Receives the blocks.
            counts: Counters of the process.
            clock: The exchange's clock.
            most: Most trades in a block.
        """
        self.watermark_ms = 0
        self.next_id = 0
        self._symbol = symbol
        self._outlet = outlet
        self._counts = counts
        self._clock = clock
        self._most = most
        self._received_ms = 0
        self._next_trade_id = NO_TRADE_ID
        self._era = 0

    def begin_era(self, era: int) -> None:
        """Continue with ids that begin again."""
        self._era, self.next_id, self._next_trade_id = era, 0, NO_TRADE_ID

    def go_on_after(self, block: TradeBlock) -> None:
        """Continue after the last block that the previous run published."""
        self._era = block.era
        self._passed(block)

    def stamp(self, newest_ms: int) -> int:
        """Record a reception now, and return its time by the exchange's clock.

        The time never goes back, and is late enough for any event time that the clock accepted.

        Args:
            newest_ms: Newest event time of the received trades.
        """
        return self.stamp_at(self._clock.now_ms(steady_ms()), newest_ms)

    def stamp_at(self, now_ms: int, newest_ms: int) -> int:
        """Record a reception at a time of the exchange's clock; as `stamp`."""
        self._received_ms = max(self._received_ms, now_ms, newest_ms - AHEAD_MS)
        return self._received_ms

    def run_of(self, ready: list[Trade | Gap]) -> list[Trade]:
        """Return the first trades of ``ready`` that may share a block."""
        return leading_run(ready, limit=self._most)

    def send(self, run: list[Trade], stream_ms: int) -> bool:
        """Publish a run of trades; False while Kafka's queue is full.

        Args:
            run: Trades from `run_of`.
            stream_ms: Event time that the stream has passed; 0 if older trades are still to come:
                the block then proves its own trades only.
        """
        # After a long wait the stream may be ahead; the next block then raises the watermark.
        block = cut_block(
            run,
            next_trade_id=self._next_trade_id,
            received_ms=self._received_ms,
            watermark_ms=min(stream_ms, self._received_ms + AHEAD_MS),
            era=self._era,
        )
        return self._send(block)

    def send_columns(self, columns: TradeColumns, stream_ms: int) -> TradeBlock | None:
        """Publish columns as a block, and return it; None while Kafka's queue is full.

        Args:
            columns: At least one trade.
            stream_ms: As in `send`.
        """
        block = columns.block(
            received_ms=self._received_ms,
            watermark_ms=min(stream_ms, self._received_ms + AHEAD_MS),
            era=self._era,
        )
        return block if self._send(block) else None

    def send_quiet(self, next_id: int, stream_ms: int) -> bool:
        """Publish that nothing was traded up to an event time; False while the queue is full."""
        block = empty_block(
            self._symbol,
            next_agg_id=next_id,
            next_trade_id=self._next_trade_id,
            received_ms=self.stamp(stream_ms),
            watermark_ms=stream_ms,
            era=self._era,
        )
        return self._send(block)

    def send_late(self, trades: list[Trade]) -> int:
        """Publish trades older than published ones, and return how many the queue accepted."""
        left: list[Trade | Gap] = [*trades]
        while run := self.run_of(left):
            stamp_ms = self.stamp(max(trade.event_ms for trade in run))
            block = cut_block(
                run,
                next_trade_id=NO_TRADE_ID,
                received_ms=stamp_ms,
                watermark_ms=0,
                era=self._era,
            )
            if not self._outlet.send(block):
                break
            del left[: len(run)]
        return len(trades) - len(left)

    def _send(self, block: TradeBlock) -> bool:
        if not self._outlet.send(block):
            return False
        self._passed(block)
        self._counts.blocks += 1
        self._counts.trades += len(block)
        if len(block):
            reached(RECEIVED, int(block.event_ms[-1]), block.received_ms)
        return True

    def _passed(self, block: TradeBlock) -> None:
        self.watermark_ms = block.watermark_ms
        self._next_trade_id = block.next_trade_id
        self.next_id = block.next_agg_id
