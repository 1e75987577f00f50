"""Check of ids that jump: a single trade is doubted, two consecutive ones are accepted. Pure."""

from dataclasses import dataclass, field
from typing import Final

from schemas.errors import PoisonMessage
from schemas.market import Trade

# How far an id may jump without doubt: REST brings the trades that were lost on the way.
NEAR: Final = 1_000


@dataclass(frozen=True, slots=True)
class Heard:
    """A trade with its received bytes, for the dead-letter topic."""

    trade: Trade
    raw: bytes


@dataclass(slots=True)
class Verdict:
    """The trades to accept, in this order, and the trade to refuse."""

    taken: list[Trade] = field(default_factory=list)
    refused: Heard | None = None


class Jumps:
    """Keeps a symbol's trade that jumps far ahead until the next trade decides.

    If the next trade follows it, the ids have really jumped; otherwise the kept trade was wrong.
    """

    def __init__(self) -> None:
        self._held: Heard | None = None

    @property
    def is_waiting(self) -> bool:
        """Whether a trade is kept until the next one decides."""
        return self._held is not None

    def judge(self, trade: Trade, raw: bytes, known_id: int) -> Verdict:
        """Decide about a trade, and about the one that is kept.

        Args:
            trade: The newest trade.
            raw: Bytes of the trade, as received.
            known_id: Highest id that is known to exist; -1 if none is.
        """
        held = self._held
        if held is not None and held.trade.agg_id <= known_id:  # REST has shown that it exists
            self._held = None
            return Verdict([held.trade, *self.judge(trade, raw, known_id).taken])
        if trade.agg_id <= known_id:
            return Verdict([trade])
        if trade.agg_id <= known_id + NEAR:
            self._held = None
            return Verdict([trade], held)
        if held is not None and trade.agg_id == held.trade.agg_id:  # from another connection
            return Verdict()
        if held is not None and 0 < trade.agg_id - held.trade.agg_id <= NEAR:
            self._held = None
            return Verdict([held.trade, trade])
        self._held = Heard(trade, raw)
        return Verdict([], held)


def not_followed(trade: Trade, raw: bytes) -> PoisonMessage:
    """Build the error for a refused trade whose id jumped."""
    return PoisonMessage(
        f"id {trade.agg_id} of {trade.symbol} is far beyond the newest, and no trade followed it",
        raw=raw,
    )
