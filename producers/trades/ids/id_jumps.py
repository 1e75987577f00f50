"""Check of ids that jump: a single trade is doubted, two consecutive ones are accepted. Pure."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from schemas.errors import PoisonMessage
from schemas.market import JITTER_MS, Trade

# How far an id may jump without doubt: REST brings the trades that were lost on the way.
NEAR: Final = 1_000
MOST_HELD: Final = 100


@dataclass(frozen=True, slots=True)
class Heard:
    """A trade with its received bytes, for the dead-letter topic."""

    trade: Trade
    raw: bytes


@dataclass(slots=True)
class Verdict:
    """The trades to accept, in this order, and the trades to refuse."""

    taken: list[Trade] = field(default_factory=list)
    refused: list[Heard] = field(default_factory=list)


class Jumps:
    """Keeps a symbol's trades that jump far ahead until others decide.

    If a trade follows one of them, the ids have really jumped. One is wrong if a later trade has a
    lower id. Until then each may be true: after a long hole a connection may end after its first
    trade, and another one jumps farther.
    """

    def __init__(self, *, in_order: bool = False) -> None:
        """Start with nothing kept; ``in_order`` if trades come in the order of their ids."""
        self._held: list[Heard] = []
        self._in_order = in_order

    @property
    def is_waiting(self) -> bool:
        """Whether a trade is kept until others decide."""
        return bool(self._held)

    def judge(self, trade: Trade, raw: bytes, known_id: int) -> Verdict:
        """Decide about a trade, and about those that are kept.

        Args:
            trade: The newest trade.
            raw: Bytes of the trade, as received.
            known_id: Highest id that is known to exist; -1 if none is.
        """
        if not self._held and trade.agg_id <= known_id + NEAR:
            return Verdict([trade])
        shown = [held.trade for held in self._take(lambda t: t.agg_id <= known_id)]
        if trade.agg_id <= known_id + NEAR:
            return Verdict([*shown, trade], self._take(lambda t: self._contradicts(trade, t)))
        if any(held.trade.agg_id == trade.agg_id for held in self._held):  # another connection's
            return Verdict(shown)
        if before := self._take(lambda t: 0 < trade.agg_id - t.agg_id <= NEAR):
            return Verdict([*shown, *(held.trade for held in before), trade])
        self._held.append(Heard(trade, raw))
        return Verdict(shown, [self._held.pop(0)] if len(self._held) > MOST_HELD else [])

    def _contradicts(self, true: Trade, held: Trade) -> bool:
        """Tell that a trade is not true: a later one has a lower id."""
        is_later = self._in_order or true.event_ms > held.event_ms + JITTER_MS
        return is_later and true.agg_id < held.agg_id

    def _take(self, is_meant: Callable[[Trade], bool]) -> list[Heard]:
        taken = [held for held in self._held if is_meant(held.trade)]
        if taken:
            self._held = [held for held in self._held if not is_meant(held.trade)]
        return taken


def not_followed(trade: Trade, raw: bytes) -> PoisonMessage:
    """Build the error for a refused trade whose id jumped."""
    return PoisonMessage(
        f"id {trade.agg_id} of {trade.symbol} is far beyond the newest, and no trade followed it",
        raw=raw,
    )
