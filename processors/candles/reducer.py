"""The candle reducer: blocks of one symbol in, closed candles out. Pure; no clock, no framework.

A candle closes when a trade of a later one comes, or when the exchange's event time has passed its
end by the allowed lateness. Whatever changes a closed candle afterwards - a late trade, a gap that
shows itself, a gap that is repaired - sends it again with a higher revision.

Every block is believed here; `processors.candles.id_jumps` says which are to be.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from processors.candles.fold import CandleFold
from processors.candles.record import candle_of
from processors.candles.state import CandleRules, CandleState, GivenUp, Missing
from schemas.market import Candle, CandleStatus, TradeBlock


@dataclass(frozen=True, slots=True)
class Step:
    """What a block led to: the new state, and the candles that closed or changed."""

    state: CandleState
    closed: tuple[Candle, ...]


def start_state(block: TradeBlock, *, whole_from_ms: int | None = None) -> CandleState:
    """Return the state before the first block of a symbol.

    Args:
        block: The first block.
        whole_from_ms: From when the trades are known to be whole, UTC epoch milliseconds. Without
            it the candle of the first trade is unproven, so it will say ``gapped``.
    """
    first_ms = int(block.event_ms[0]) if len(block) else block.watermark_ms
    unproven_ms = first_ms if whole_from_ms is None else whole_from_ms - 1
    edge = Missing(block.first_agg_id, block.first_agg_id, unproven_ms, unproven_ms)
    return CandleState(block.first_agg_id, first_ms, missing=(edge,))


def restarted_state(spoilt: CandleState, block: TradeBlock) -> CandleState:
    """Return the state before ``block``, where what was known of the symbol proved wrong.

    Candles that were sent are sent again, with higher revisions, when the trades come to them.
    """
    held = {**{(i, b.piece.open_ms): b for i, b in spoilt.current.items()}, **spoilt.earlier}
    ends = [spoilt.given_up.until_ms, *spoilt.emitted_until_ms.values()]
    ends += [open_ms + interval.ms for interval, open_ms in held]
    revisions = [spoilt.given_up.revision, 2, *(b.revision for b in held.values())]
    fresh = start_state(block)
    fresh.given_up = GivenUp(max(ends), max(revisions))
    return fresh


def fold(state: CandleState | None, block: TradeBlock, rules: CandleRules) -> Step:
    """Take one block of the symbol and return what it led to; ``state`` is not changed.

    A block that came before changes nothing, one that overlaps is trimmed, one that jumps opens a
    gap, and one that lies inside a known gap repairs it.
    """
    before = start_state(block) if state is None else state.copy()
    work = CandleFold(block.symbol, before, rules)
    work.repair(block)
    work.take(block)
    return Step(work.state, tuple(work.closed))


def open_candles(symbol: str, state: CandleState) -> Iterator[Candle]:
    """Yield the candles that are still moving."""
    for interval, building in state.current.items():
        has_ended = state.emitted_until_ms.get(interval, 0) > building.piece.open_ms
        if not building.revision and not has_ended:
            yield candle_of(symbol, interval, building, CandleStatus.OPEN)
