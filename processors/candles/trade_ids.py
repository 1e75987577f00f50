"""Where a block joins the trades that are known, as told by raw trade ids. Pure.

Aggregate ids say which block comes next; only the trade ids inside prove that no trade is missing
and none is there twice. The exchange has given one aggregate id to two trades, and one trade to two
aggregates.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from schemas.market import JITTER_MS, NO_TRADE_ID, TradeBlock

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Clash:
    """A block whose trade ids are not those that were due.

    Attributes:
        agg_id: The aggregate at which it shows.
        trade_id: Its first trade.
        due_id: The trade that was due there.
        left_out: How many aggregates from that one on are in no candle, because trades with these
            ids are in one already, or because nobody can tell where they belong.
    """

    agg_id: int
    trade_id: int
    due_id: int
    left_out: int = 0

    def __str__(self) -> str:
        if not self.left_out:
            return (
                f"trade ids jump from {self.due_id - 1} to {self.trade_id} though no aggregate "
                f"is missing before {self.agg_id}"
            )
        last_id = self.agg_id + self.left_out - 1
        which = f"aggregate {self.agg_id}" if last_id == self.agg_id else "aggregates "
        which += "" if last_id == self.agg_id else f"{self.agg_id} to {last_id}"
        return (
            f"{which} began with trade {self.trade_id} where {self.due_id} was due: another "
            "aggregate has that id or that trade, so it is in no candle"
        )


@dataclass(frozen=True, slots=True)
class Missing:
    """Aggregate ids ``[first_agg_id, end_agg_id)`` that never arrived.

    Their trades happened between the event times ``after_ms`` and ``before_ms``, both inclusive.
    An empty range marks a candle as unproven: the one in which all that is known begins, and one in
    which trades came that are in no candle, and those around trade ids that do not follow.

    Attributes:
        first_trade_id: The trade that is due at its beginning; -1 when unknown.
        end_trade_id: The first trade behind it; -1 when unknown.
    """

    first_agg_id: int
    end_agg_id: int
    after_ms: int
    before_ms: int
    first_trade_id: int = NO_TRADE_ID
    end_trade_id: int = NO_TRADE_ID

    def touches(self, open_ms: int, close_ms: int) -> bool:
        """Return whether missing trades may belong to the candle ``[open_ms, close_ms)``.

        Times may go back: a missing trade may be earlier than the one before it, and later than the
        one behind it.
        """
        back_ms = JITTER_MS if self.first_agg_id < self.end_agg_id else 0
        return self.after_ms < close_ms + back_ms and self.before_ms >= open_ms - back_ms

    def within(self, event_ms: int) -> int:
        """Return an event time of one of its trades: times that go back do not make it longer."""
        return min(max(event_ms, self.after_ms), self.before_ms)


@dataclass(frozen=True, slots=True)
class Joint:
    """Where a block joins.

    Attributes:
        start: Its first row that is new; its length when none is.
        clash: What is wrong with its ids, if anything is.
    """

    start: int
    clash: Clash | None = None


def joint_of(block: TradeBlock, next_agg_id: int, due_id: int) -> Joint:
    """Return where a block joins what is known.

    A row that came before under its aggregate id is not new, unless its trade id is the one that is
    due: then one aggregate id stands for two trades, and ids prove that both happened. A row whose
    trades came before under another aggregate id is not new either.

    Args:
        block: At least one trade; aggregates may be missing before it.
        next_agg_id: The aggregate that must come next.
        due_id: The trade that must come next; -1 when unknown.
    """
    known = min(max(0, next_agg_id - block.first_agg_id), len(block))
    if NO_TRADE_ID in (due_id, block.first_trade_id):
        return Joint(known)
    before = int(block.fills[:known].sum()) if known else 0
    trade_id = block.first_trade_id + before
    if trade_id == due_id:  # nearly always
        return Joint(known)
    if trade_id > due_id:
        is_gap = block.first_agg_id > next_agg_id  # aggregate ids tell of it
        return Joint(known) if is_gap else _jumped(block, known, due_id)
    if known == len(block):  # it came before
        return Joint(known)
    row = int(np.searchsorted(_starts(block), due_id))
    return Joint(row, Clash(block.first_agg_id + known, trade_id, due_id, row - known))


def _jumped(block: TradeBlock, known: int, due_id: int) -> Joint:
    rows, starts = len(block), _starts(block)
    row = int(np.searchsorted(starts, due_id))
    if row < known and starts[row] == due_id:
        return Joint(row)
    if known < rows:
        return Joint(known, Clash(block.first_agg_id + known, int(starts[known]), due_id))
    row = min(row, rows - 1)
    return Joint(rows, Clash(block.first_agg_id + row, int(starts[row]), due_id, rows - row))


def going_back(block: TradeBlock, due_id: int) -> Clash:
    """Return what is wrong with a block of known aggregates that is newer than all trades."""
    return Clash(block.first_agg_id, block.first_trade_id, due_id, len(block))


def _starts(block: TradeBlock) -> "NDArray[np.int64]":
    ends = np.cumsum(block.fills, dtype=np.int64)
    return block.first_trade_id + ends - block.fills


def clash_inside(gap: Missing, part: TradeBlock) -> Clash | None:
    """Return what is wrong with the trade ids of aggregates that a gap lacks, if anything is.

    Those that reach beyond the gap's own trades have come before, and must be left out.
    """
    if NO_TRADE_ID in (gap.first_trade_id, gap.end_trade_id, part.first_trade_id):
        return None
    first_id, end_id = part.first_trade_id, part.next_trade_id
    if first_id < gap.first_trade_id or end_id > gap.end_trade_id:
        return Clash(part.first_agg_id, first_id, gap.first_trade_id, len(part))
    if part.first_agg_id == gap.first_agg_id and first_id > gap.first_trade_id:
        return Clash(part.first_agg_id, first_id, gap.first_trade_id)
    if part.next_agg_id == gap.end_agg_id and end_id < gap.end_trade_id:
        return Clash(gap.end_agg_id, gap.end_trade_id, end_id)
    return None


def split_around(gap: Missing, part: TradeBlock) -> tuple[Missing, Missing]:
    """Return what of a gap lies before and behind a part of it that has come."""
    is_told = part.first_trade_id != NO_TRADE_ID
    return (
        replace(
            gap,
            end_agg_id=part.first_agg_id,
            before_ms=gap.within(int(part.event_ms[0])),
            end_trade_id=part.first_trade_id,
        ),
        replace(
            gap,
            first_agg_id=part.next_agg_id,
            after_ms=gap.within(int(part.event_ms[-1])),
            first_trade_id=part.next_trade_id if is_told else NO_TRADE_ID,
        ),
    )
