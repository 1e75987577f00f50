"""Replay of one symbol's recorded trades through the candle reducer that also runs live."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from candlewick.offline.replay.merging import merged
from candlewick.offline.replay.placed import Placed
from candlewick.offline.replay.sources import Source
from candlewick.terminal.row_printer import utc
from processors.candles.reducer import fold, open_candles, start_state
from processors.candles.state import CandleRules, CandleState
from schemas.market import Candle, TradeBlock, empty_block
from schemas.timeframe import Interval

_HELD = 4  # number of newest candles, which may still change


@dataclass(slots=True)
class SymbolReplay:
    """Makes the candles of one symbol from its sources.

    Attributes:
        tell: Called with one line for each gap in the recording, or for contradicting ids.
    """

    symbol: str
    interval: Interval
    sources: Sequence[Source]
    tell: Callable[[str], None]
    state: CandleState | None = None
    held: dict[int, Candle] = field(default_factory=dict)

    def candles(self) -> Iterator[Candle]:
        """Yield each candle once, oldest first; the last may still be open."""
        rules = CandleRules(intervals=(self.interval,))
        for placed in merged(self.sources):
            yield from self._fold(placed.block, rules, placed)
        if self.state is not None:
            yield from self._end(self.state, rules)

    def _fold(
        self, block: TradeBlock, rules: CandleRules, placed: Placed | None = None
    ) -> Iterator[Candle]:
        if self.state is None:
            self.state = start_state(block, whole_from_ms=self._whole_from(block))
        self._check(block, self.state)
        step = fold(self.state, block, rules)
        self.state = step.state
        for clash in step.clashes:
            place = f"{placed.place_of(clash.agg_id)}: " if placed is not None else ""
            self.tell(f"{place}{self.symbol}: {clash}; its candles are not complete")
        self.held |= {candle.open_ms: candle for candle in step.closed}
        while len(self.held) > _HELD:
            yield self.held.pop(min(self.held))

    def _end(self, state: CandleState, rules: CandleRules) -> Iterator[Candle]:
        """Close the last candle if the files cover all of it, otherwise yield it open."""
        end_ms = max((s.period_ms[1] for s in self.sources if s.period_ms), default=0)
        if self.interval.open_of(state.last_ms) + self.interval.ms == end_ms:
            ended = empty_block(
                self.symbol,
                next_agg_id=state.next_agg_id,
                next_trade_id=max(state.next_trade_id, 0),
                received_ms=end_ms,
                watermark_ms=end_ms + rules.lateness_ms,
            )
            yield from self._fold(ended, rules)
        yield from (self.held[open_ms] for open_ms in sorted(self.held))
        yield from open_candles(self.symbol, self.state or state)
        if state.late_trades:
            self.tell(f"{self.symbol}: {state.late_trades} trades came too late for any candle")

    def _whole_from(self, block: TradeBlock) -> int | None:
        """Return the start of the period in a file's name, if the first trade is in that candle."""
        first_ms = self.interval.open_of(int(block.event_ms[0]))
        starts = [s.period_ms[0] for s in self.sources if s.period_ms]
        return next((ms for ms in starts if self.interval.open_of(ms) == first_ms), None)

    def _check(self, block: TradeBlock, state: CandleState) -> None:
        missing = block.first_agg_id - state.next_agg_id
        if missing > 0:
            self.tell(
                f"{self.symbol}: {missing} aggregate trades are missing, ids {state.next_agg_id} "
                f"to {block.first_agg_id - 1}, between {utc(state.last_ms)} and "
                f"{utc(int(block.event_ms[0])) if len(block) else 'the end'}"
            )
