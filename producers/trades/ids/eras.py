"""Whether a symbol's ids begin again: a market that was reset, or another asset's name. Pure.

One strange record begins no era. It takes two answers of REST, some seconds apart and in agreement:
none of the trades that we hold is there with its id and time, and two trades in a row are later
than all of them. And the stream must not go on meanwhile from the trade that we hold.
"""

from collections.abc import Sequence
from enum import Enum, auto
from typing import Final

import orjson

from schemas.errors import PoisonMessage
from schemas.market import JITTER_MS, Gap, GapState, Trade

SECOND_LOOK_MS: Final = 2_000
NEWEST: Final = 20  # trades of the second question
_ENOUGH: Final = 2
_MOST_REFUSED: Final = 100


class Verdict(Enum):
    """What two questions to REST say about the trades that we hold."""

    SAME = auto()  # REST has them
    UNDECIDED = auto()
    BEGUN_AGAIN = auto()


class EraDoubt:
    """Doubt whether the ids of a symbol go on.

    Attributes:
        refused: Trades that caused a doubt which proved wrong, to be buried.
        dismissed: The newest of them.
    """

    def __init__(self) -> None:
        self.refused: list[Trade] = []
        self.dismissed: Trade | None = None
        self._strange: Trade | None = None
        self._look_ms = 0
        self._seen: tuple[Trade, int] | None = None

    def __bool__(self) -> bool:
        return self._strange is not None

    def is_due(self, now_ms: int) -> bool:
        """Check whether REST is to be asked."""
        return self._strange is not None and now_ms >= self._look_ms

    def suspect(self, strange: Trade) -> None:
        """Doubt, because of a trade that does not fit to those that we hold."""
        if self._strange is None:
            self._strange = strange

    def went_on(self) -> None:
        """Record that the stream brought the trade that follows those that we hold."""
        if self._strange is not None:
            self._dismiss(self._strange)

    def judge(
        self,
        held: Sequence[Trade],
        found: Sequence[Trade],
        newest: Sequence[Trade],
        *,
        next_id: int,
        known_ms: int,
        now_ms: int,
    ) -> Verdict:
        """Compare two answers of REST with the trades that we hold.

        Args:
            held: The newest trades that we hold, by id; empty if none is known.
            found: REST's trades from the id of the first of them on.
            newest: REST's newest trades, by id.
            next_id: Id of the trade that must come next.
            known_ms: Event time up to which trades are known.
            now_ms: Steady time.
        """
        self._look_ms = now_ms + SECOND_LOOK_MS
        there = {trade.agg_id: trade for trade in found}
        goes_on = not held and bool(newest) and newest[-1].agg_id >= next_id - 1
        if goes_on or any(is_ours(there.get(trade.agg_id), trade) for trade in held):
            self.went_on()
            return Verdict.SAME
        is_lower = bool(newest) and newest[-1].agg_id < next_id
        is_another = bool(held) and all(trade.agg_id in there for trade in held)
        later = _run_at_end(newest, known_ms)
        if len(later) < _ENOUGH or not (is_lower or is_another):
            self._seen = None
            return Verdict.UNDECIDED
        before, self._seen = self._seen, self._seen or (later[-1], now_ms)
        if before is None or now_ms - before[1] < SECOND_LOOK_MS:
            return Verdict.UNDECIDED
        if not _agrees(before[0], newest):
            self._seen = later[-1], now_ms
            return Verdict.UNDECIDED
        return Verdict.BEGUN_AGAIN

    def _dismiss(self, strange: Trade) -> None:
        if len(self.refused) < _MOST_REFUSED:
            self.refused.append(strange)
        self.dismissed = strange
        self._strange = self._seen = None


def is_ours(theirs: Trade | None, ours: Trade) -> bool:
    """Tell whether REST's trade is the one that we hold under its id, by its time.

    Where ids begin again they have other times. One market may tell of an aggregate's other fields
    twice in different ways.
    """
    return theirs is not None and (theirs.agg_id, theirs.event_ms) == (ours.agg_id, ours.event_ms)


def new_era(symbol: str, era: int, *, last: tuple[int, int], first: Trade, now_ms: int) -> Gap:
    """Return the event of an era that begins.

    Args:
        symbol: For example ``BTCUSDT``.
        era: Number of the new era.
        last: Id that was due in the old era, and event time up to which it is known.
        first: First trade of the new era.
        now_ms: Steady time.
    """
    next_id, known_ms = last
    return Gap(
        symbol=symbol,
        first_agg_id=first.agg_id,
        last_agg_id=first.agg_id,
        after_ms=known_ms,
        before_ms=first.event_ms,
        state=GapState.NEW_ERA.value,
        noticed_ms=now_ms,
        changed_ms=now_ms,
        reason=(
            f"ids begin again: {next_id} was due after {known_ms} ms, and the exchange has other "
            f"trades; era {era} begins with id {first.agg_id} at {first.event_ms} ms"
        ),
        era=era,
    )


def strange_trade(trade: Trade) -> PoisonMessage:
    """Return why a trade is refused that looked like the begin of a new era, and was not."""
    return PoisonMessage(
        f"aggregate {trade.agg_id} of {trade.symbol} contradicts the trades that are known, and "
        "the exchange goes on from these",
        raw=orjson.dumps(trade),
    )


def _run_at_end(newest: Sequence[Trade], known_ms: int) -> list[Trade]:
    """Return the last trades in a row that are later than all that is known."""
    run: list[Trade] = []
    for trade in reversed(newest):
        if trade.event_ms <= known_ms or (run and not _is_followed(trade, run[-1])):
            break
        run.append(trade)
    return run[::-1]


def _is_followed(trade: Trade, later: Trade) -> bool:
    in_order = trade.event_ms <= later.event_ms + JITTER_MS
    return trade.agg_id + 1 == later.agg_id and in_order


def _agrees(seen: Trade, newest: Sequence[Trade]) -> bool:
    """Tell whether REST goes on from a trade that it had before."""
    if newest[-1].agg_id < seen.agg_id:
        return False
    again = next((trade for trade in newest if trade.agg_id == seen.agg_id), None)
    return again is None or again == seen
