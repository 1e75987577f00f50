"""Replay of one symbol's recorded trades into candles of one interval."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from candlewick.offline.replay.merging import merged, one_sequence
from candlewick.offline.replay.sources import Source
from candlewick.offline.replay.symbol_fold import SymbolFold
from processors.candles.state import CandleRules
from schemas.market import Candle, TradeBlock
from schemas.timeframe import Interval


@dataclass(frozen=True, slots=True)
class SymbolReplay:
    """Makes the candles of one symbol from its sources.

    Attributes:
        tell: Called with one line for each gap in the recording, or for contradicting ids.
    """

    symbol: str
    interval: Interval
    sources: Sequence[Source]
    tell: Callable[[str], None]

    def candles(self) -> Iterator[Candle]:
        """Yield each candle once, oldest first; the last may still be open.

        Raises:
            ConfigurationError: A file cannot be read, or ids begin again between two files.
        """
        folding = SymbolFold(self.symbol, CandleRules(intervals=(self.interval,)), self.tell)
        for placed in one_sequence(merged(self.sources)):
            if folding.state is None:
                folding.begin(placed.block, whole_from_ms=self._whole_from(placed.block))
            yield from folding.take(placed.block, placed)
        yield from self._end(folding)

    def _end(self, folding: SymbolFold) -> Iterator[Candle]:
        """Close the last candle if the files cover all of it, otherwise yield it open."""
        state = folding.state
        if state is None:
            return
        end_ms = max((s.period_ms[1] for s in self.sources if s.period_ms), default=0)
        if self.interval.open_of(state.last_ms) + self.interval.ms == end_ms:
            yield from folding.close(end_ms)
        yield from folding.rest()
        yield from folding.still_open()
        late_trades = (folding.state or state).late_trades
        if late_trades:
            self.tell(f"{self.symbol}: {late_trades} trades came too late for any candle")

    def _whole_from(self, block: TradeBlock) -> int | None:
        """Return the start of the period in a file's name, if the first trade is in that candle."""
        first_ms = self.interval.open_of(int(block.event_ms[0]))
        starts = [s.period_ms[0] for s in self.sources if s.period_ms]
        return next((ms for ms in starts if self.interval.open_of(ms) == first_ms), None)
