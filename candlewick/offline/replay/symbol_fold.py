"""One symbol's recorded trades through the candle reducer that also runs live."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from candlewick.offline.replay.placed import Placed
from candlewick.terminal.row_printer import utc
from processors.candles.reducer import fold, open_candles, start_state
from processors.candles.state import CandleRules, CandleState
from schemas.market import Candle, TradeBlock, empty_block
from schemas.timeframe import Interval

_HELD = 4  # number of newest candles of an interval, which may still change


@dataclass(slots=True)
class SymbolFold:
    """Folds the blocks of one symbol, and yields each candle once it will not change any more.

    Attributes:
        tell: Called with one line for each gap in the recording, or for contradicting ids.
        state: The reducer's state; None before the first block.
        held: The newest candles that have closed, by their opening time.
    """

    symbol: str
    rules: CandleRules
    tell: Callable[[str], None]
    state: CandleState | None = None
    held: dict[Interval, dict[int, Candle]] = field(default_factory=dict)

    def fork(self) -> "SymbolFold":
        """Return a copy that goes on by itself."""
        return replace(self, held={interval: dict(held) for interval, held in self.held.items()})

    def begin(self, block: TradeBlock, *, whole_from_ms: int | None = None) -> None:
        """Set the state before the first block; for ``whole_from_ms`` see `start_state`."""
        self.state = start_state(block, whole_from_ms=whole_from_ms)

    def take(self, block: TradeBlock, placed: Placed | None = None) -> Iterator[Candle]:
        """Fold a block; ``placed`` says where its trades stand."""
        if self.state is None:
            self.begin(block)
        self._check(block, self.state or start_state(block))
        yield from self._folded(block, placed)

    def _folded(self, block: TradeBlock, placed: Placed | None = None) -> Iterator[Candle]:
        state = self.state or start_state(block)
        step = fold(state, block, self.rules)
        self.state = step.state
        for clash in step.clashes:
            place = f"{placed.place_of(clash.agg_id)}: " if placed is not None else ""
            self.tell(f"{place}{self.symbol}: {clash}; its candles are not complete")
        for candle in step.closed:
            self.held.setdefault(Interval(candle.interval), {})[candle.open_ms] = candle
        for held in self.held.values():
            if len(held) > _HELD:
                for open_ms in sorted(held)[:-_HELD]:
                    yield held.pop(open_ms)

    def close(self, end_ms: int, *, is_whole: bool = True) -> Iterator[Candle]:
        """Close the candles that end by ``end_ms``: what is recorded covers all time before.

        Args:
            end_ms: End of the last of them.
            is_whole: If not, trades are missing behind the last one, nobody knows how many.
        """
        if self.state is not None:
            ended = empty_block(
                self.symbol,
                next_agg_id=self.state.next_agg_id + (0 if is_whole else 1),
                next_trade_id=max(self.state.next_trade_id, 0),
                received_ms=end_ms,
                watermark_ms=end_ms + self.rules.lateness_ms,
            )
            yield from self._folded(ended)

    def rest(self) -> Iterator[Candle]:
        """Yield the candles that are held, oldest first, and hold none."""
        for held in self.held.values():
            yield from (held[open_ms] for open_ms in sorted(held))
            held.clear()

    def still_open(self) -> Iterator[Candle]:
        """Yield the candles that have not closed."""
        return iter(()) if self.state is None else open_candles(self.symbol, self.state)

    def _check(self, block: TradeBlock, state: CandleState) -> None:
        missing = block.first_agg_id - state.next_agg_id
        if missing > 0:
            self.tell(
                f"{self.symbol}: {missing} aggregate trades are missing, ids {state.next_agg_id} "
                f"to {block.first_agg_id - 1}, between {utc(state.last_ms)} and "
                f"{utc(int(block.event_ms[0])) if len(block) else 'the end'}"
            )
