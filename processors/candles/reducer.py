"""The candle reducer: blocks of one symbol in, closed candles out. Pure; no clock, no framework.

A candle closes when a trade of a later candle arrives, or when the exchange's event time has passed
its end by the allowed lateness. If a late trade, a new gap or a repaired gap changes a closed
candle, it is sent again with a higher revision.

Every block is believed here; `processors.candles.id_jumps` decides which blocks get here.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from processors.candles.fold import CandleFold
from processors.candles.record import candle_of
from processors.candles.state import CandleRules, CandleState, GivenUp
from processors.candles.trade_ids import Clash, Missing
from schemas.market import Candle, CandleStatus, TradeBlock


@dataclass(frozen=True, slots=True)
class Step:
    """Result of a block: the new state, and the candles that closed or changed.

    Attributes:
        clashes: Where trade ids of the block are not those that were due; candles there are not
            ``complete``.
        is_left_out: No trade of the block is in a candle, because of them.
    """

    state: CandleState
    closed: tuple[Candle, ...]
    clashes: tuple[Clash, ...] = ()
    is_left_out: bool = False


def start_state(block: TradeBlock, *, whole_from_ms: int | None = None) -> CandleState:
    """Return the state before the first block of a symbol.

    Args:
        block: The first block.
        whole_from_ms: Time from which no trade is missing, UTC epoch milliseconds. Without it the
            candle of the first trade is unproven and gets the status ``gapped``.
    """
    first_ms = int(block.event_ms[0]) if len(block) else block.watermark_ms
    unproven_ms = first_ms if whole_from_ms is None else whole_from_ms - 1
    edge = Missing(block.first_agg_id, block.first_agg_id, unproven_ms, unproven_ms)
    due_id = block.first_trade_id
    return CandleState(
        block.first_agg_id, first_ms, missing=(edge,), next_trade_id=due_id, era=block.era
    )


def restarted_state(spoilt: CandleState, block: TradeBlock) -> CandleState:
    """Return a fresh state before ``block``, after the old one proved wrong or its era ended.

    Candles that were sent before are sent again, with higher revisions, when trades reach them.
    """
    held = {**{(i, b.piece.open_ms): b for i, b in spoilt.current.items()}, **spoilt.earlier}
    ends = [spoilt.given_up.until_ms, *spoilt.emitted_until_ms.values()]
    ends += [open_ms + interval.ms for interval, open_ms in held]
    revisions = [spoilt.given_up.revision, 2, *(b.revision for b in held.values())]
    fresh = start_state(block)
    fresh.given_up = GivenUp(max(ends), max(revisions))
    return fresh


def fold(state: CandleState | None, block: TradeBlock, rules: CandleRules) -> Step:
    """Fold one block of the symbol and return the result; ``state`` is not changed.

    A known block changes nothing. A block that overlaps known ids is trimmed, one that jumps opens
    a gap, and one inside a known gap repairs it. No trade is counted twice, in whatever aggregate
    it comes. A block of a later era ends the open candles and begins anew, one of an earlier era
    changes nothing: ids of two eras cannot be compared.
    """
    if state is not None and block.era < state.era:
        return Step(state, ())
    if state is not None and block.era > state.era:
        return _begin_era(state, block, rules)
    before = start_state(block) if state is None else _copy(state, rules)
    work = CandleFold(block.symbol, before, rules)
    work.repair(block)
    work.take(block)
    left_out = sum(clash.left_out for clash in work.clashes)
    is_left_out = left_out > 0 and left_out >= len(block)
    return Step(work.state, tuple(work.closed), tuple(work.clashes), is_left_out)


def _copy(state: CandleState, rules: CandleRules) -> CandleState:
    copy = state.copy()
    copy.keep_only(rules.intervals)
    return copy


def _begin_era(state: CandleState, block: TradeBlock, rules: CandleRules) -> Step:
    ending = CandleFold(block.symbol, _copy(state, rules), rules)
    ending.end()
    begun = fold(restarted_state(ending.state, block), block, rules)
    return replace(begun, closed=(*ending.closed, *begun.closed))


def open_candles(symbol: str, state: CandleState) -> Iterator[Candle]:
    """Yield the candles that are still open."""
    for interval, building in state.current.items():
        has_ended = state.emitted_until_ms.get(interval, 0) > building.piece.open_ms
        if not building.revision and not has_ended:
            yield candle_of(symbol, interval, building, CandleStatus.OPEN)
