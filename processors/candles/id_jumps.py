"""Decides which trade blocks are believed when ids jump or contradict the state. Pure.

A single bad record must not stop a symbol's candles. So a block whose ids jump, or that is of a
later era, is held until the next one arrives: if that continues it, the gap or the era is real, and
so is what lies before it in order; if trades continue from before, the block is refused. Where the
stream gave up several holes in a row, each block jumps: some of them in order are real as well. And
if several consecutive blocks contradict the state, the state is wrong.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

from processors.candles.state import CandleState
from schemas.market import JITTER_MS, TradeBlock
from schemas.rules.market import AHEAD_MS

ENOUGH: Final = 3  # so many consecutive blocks prove a state wrong
_MOST_HELD: Final = 4
_NEAR: Final = 1_000  # ids between blocks of one stream; a record with wrong ids lies anywhere
_HELD_BYTES: Final = 160_000  # the largest block fits, and the state still fits into its topic


@dataclass(frozen=True, slots=True)
class Kept:
    """A block and the message it came in, for the state table and the dead letters."""

    partition: int
    offset: int
    block: TradeBlock
    key: bytes
    value: bytes
    headers: tuple[tuple[str, bytes], ...] = ()

    @property
    def first_ms(self) -> int:
        """Event time of its first trade; its watermark or time of receipt if it has no trades."""
        block = self.block
        return int(block.event_ms[0]) if len(block) else block.watermark_ms or block.received_ms

    @property
    def newest_ms(self) -> int:
        """Newest event time in the block."""
        block = self.block
        return max(int(block.event_ms.max()), block.watermark_ms) if len(block) else self.first_ms


@dataclass(frozen=True, slots=True)
class Doubts:
    """Undecided blocks of one symbol.

    Attributes:
        held: Blocks whose ids jump, oldest first.
        strays: Consecutive blocks that contradict the state; the oldest are dropped to save room.
        strayed: Number of such blocks, including dropped ones.
        failures: Number of consecutive blocks on which the reducer failed.
    """

    held: tuple[Kept, ...] = ()
    strays: tuple[Kept, ...] = ()
    strayed: int = 0
    failures: int = 0


NO_DOUBTS: Final = Doubts()


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do after a message.

    Attributes:
        doubts: Blocks that remain undecided.
        fold: Blocks that are believed now, in order.
        refused: Blocks that are refused, each with the reason.
        start_over: Whether the state is wrong: the first block of ``fold`` then starts a new one.
    """

    doubts: Doubts
    fold: tuple[Kept, ...] = ()
    refused: tuple[tuple[Kept, str], ...] = ()
    start_over: bool = False


def decide(state: CandleState, doubts: Doubts, now: Kept, *, is_new: bool) -> Decision:
    """Decide about a block of a symbol that already has a state.

    Args:
        state: The symbol's state.
        doubts: Blocks that were undecided before this one.
        now: The block.
        is_new: Whether the message comes after all those in the state, so it is read for the first
            time.
    """
    if now.block.era < state.era:
        return _of_an_earlier_era(state, doubts, now, is_new=is_new)
    if is_ahead(state, now.block):
        return _jumped(state, doubts, now)
    if contradicts(state, now.block, is_new=is_new):
        return _strayed(state, doubts, now)
    if not doubts.strays or now.block.next_agg_id <= state.next_agg_id:
        return _went_on(state, doubts, now)
    decision = _went_on(state, replace(doubts, strays=(), strayed=0), now)
    late = tuple((s, _too_late(state, s)) for s in doubts.strays if s.block.era < state.era)
    return replace(decision, refused=(*late, *decision.refused))


def is_ahead(state: CandleState, block: TradeBlock) -> bool:
    """Return whether a block is of a later era, or begins beyond the id that is due."""
    return block.era > state.era or (
        block.era == state.era and block.first_agg_id > state.next_agg_id
    )


def contradicts(state: CandleState, block: TradeBlock, *, is_new: bool) -> bool:
    """Return whether a block whose ids do not jump contradicts the state.

    It does if trades with known ids, or ids inside a gap, are newer than any known trade: then the
    known ids are wrong. Or if the state contains times later than the block's time of receipt.
    """
    if not len(block):
        return False
    ahead = state.head_ms > block.received_ms + AHEAD_MS
    if block.next_agg_id > state.next_agg_id:
        return ahead
    if int(block.event_ms[-1]) > state.last_ms + JITTER_MS:
        return True
    return ahead and is_new and block.received_ms >= state.seen_ms


def _of_an_earlier_era(state: CandleState, doubts: Doubts, now: Kept, *, is_new: bool) -> Decision:
    if not is_new:
        return Decision(doubts)
    if len(now.block) and int(now.block.event_ms[-1]) > state.head_ms + JITTER_MS:
        return _strayed(state, doubts, now)
    return Decision(doubts, refused=((now, _too_late(state, now)),))


def _jumped(state: CandleState, doubts: Doubts, now: Kept) -> Decision:
    if any(_is_same(held.block, now.block) for held in doubts.held):
        return Decision(doubts)
    before = next((h for h in doubts.held if _continues(h.block, now.block)), None)
    if before is not None:
        return _believed(state, doubts, before, now)
    if _is_row([*_leading_to(now, doubts.held), now]):
        return _believed(state, doubts, now)
    return _hold(state, doubts, now)


def _believed(state: CandleState, doubts: Doubts, *proven: Kept) -> Decision:
    leading = _leading_to(proven[0], doubts.held)
    others = (h for h in doubts.held if h not in (*leading, *proven))
    refused = tuple((h, _no_gap(state, h)) for h in others)
    return Decision(Doubts(failures=doubts.failures), (*leading, *proven), refused)


def _is_row(blocks: Sequence[Kept]) -> bool:
    """Tell whether the last blocks go on from each other, but for small gaps: given-up holes."""
    newest = blocks[-ENOUGH:]
    steps = (later.block.first_agg_id - one.block.next_agg_id for one, later in pairwise(newest))
    return len(newest) == ENOUGH and all(step <= _NEAR for step in steps)


def _leading_to(proven: Kept, held: Sequence[Kept]) -> tuple[Kept, ...]:
    """Return the held blocks that lie before another by offset, by both kinds of ids and by time.

    Of several gaps in a row, the blocks between them are such.
    """
    found, later = [], proven
    for kept in sorted(held, key=lambda h: h.block.first_agg_id, reverse=True):
        block, behind = kept.block, later.block
        in_order = (
            block.era == behind.era
            and kept.offset < later.offset
            and block.next_agg_id <= behind.first_agg_id
            and block.next_trade_id <= behind.first_trade_id
            and kept.newest_ms <= later.first_ms + JITTER_MS
        )
        if in_order:
            found.append(kept)
            later = kept
    return tuple(reversed(found))


def _hold(state: CandleState, doubts: Doubts, now: Kept) -> Decision:
    if not _fit([now]):
        return Decision(doubts, refused=((now, f"{_jump(state, now)}; it is too large to hold"),))
    kept = [*doubts.held, now]
    refused = []
    while len(kept) > _MOST_HELD or not _fit(kept):
        refused.append((kept[0], _no_gap(state, kept[0])))
        del kept[0]
    return Decision(replace(doubts, held=tuple(kept)), refused=tuple(refused))


def _went_on(state: CandleState, doubts: Doubts, now: Kept) -> Decision:
    next_agg_id = max(state.next_agg_id, now.block.next_agg_id)
    fold, kept, refused = [now], [], []
    for held in doubts.held:
        is_later = now.newest_ms > held.first_ms + JITTER_MS and now.offset > held.offset
        is_of_era = held.block.era == state.era
        if is_later or (is_of_era and held.block.first_agg_id < next_agg_id):
            refused.append((held, _no_gap(state, held)))
        elif is_of_era and held.block.first_agg_id == next_agg_id:  # those before it have arrived
            fold.append(held)
            next_agg_id = held.block.next_agg_id
        else:
            kept.append(held)
    return Decision(replace(doubts, held=tuple(kept)), tuple(fold), tuple(refused))


def _strayed(state: CandleState, doubts: Doubts, now: Kept) -> Decision:
    strays, count = doubts.strays, doubts.strayed
    if strays and _is_same(strays[-1].block, now.block):
        return Decision(doubts)
    if strays and not _follows(strays[-1].block, now.block):
        strays, count = (), 0
    strays = (*strays, now)
    while strays[1:] and not _fit(strays):
        strays = strays[1:]
    if count + 1 >= ENOUGH:
        refused = tuple((h, _no_gap(state, h)) for h in doubts.held)
        return Decision(Doubts(), strays, refused, start_over=True)
    return Decision(replace(doubts, strays=strays, strayed=count + 1), (now,))


def _fit(kept: Sequence[Kept]) -> bool:
    return sum(len(k.value) for k in kept) <= _HELD_BYTES


def _follows(block: TradeBlock, later: TradeBlock) -> bool:
    return (block.era, block.next_agg_id) == (later.era, later.first_agg_id)


def _continues(block: TradeBlock, later: TradeBlock) -> bool:
    if block.era != later.era:
        return False
    if not block.first_agg_id <= later.first_agg_id <= block.next_agg_id:
        return False
    if later.next_agg_id > block.next_agg_id:
        return True
    return later.first_agg_id == block.next_agg_id and later.watermark_ms > block.watermark_ms


def _is_same(block: TradeBlock, other: TradeBlock) -> bool:
    return _identity(block) == _identity(other)


def _identity(block: TradeBlock) -> tuple[int, ...]:
    return block.era, block.first_agg_id, len(block), block.received_ms, block.watermark_ms


def _jump(state: CandleState, kept: Kept) -> str:
    first = kept.block.first_agg_id
    if kept.block.era > state.era:
        return f"it begins era {kept.block.era} with id {first}, after era {state.era}"
    return f"its ids begin at {first}, {first - state.next_agg_id} beyond {state.next_agg_id}"


def _no_gap(state: CandleState, kept: Kept) -> str:
    due = "" if kept.block.era > state.era else ", which was due"
    return f"{_jump(state, kept)}{due}, and the next block did not continue it"


def _too_late(state: CandleState, kept: Kept) -> str:
    return f"it is of era {kept.block.era}, which had ended: era {state.era} has begun"
