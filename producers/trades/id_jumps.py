"""Ids that jump: one trade alone is not believed, two that follow each other are. Pure."""

from dataclasses import dataclass, field
from typing import Final

from schemas.errors import PoisonMessage
from schemas.market import Trade

# So far may an id be ahead at once: trades that were lost on the way and come by REST.
NEAR: Final = 1_000


@dataclass(frozen=True, slots=True)
class Heard:
    """A trade as it came, with its bytes for the dead letters."""

    trade: Trade
    raw: bytes


@dataclass(slots=True)
class Verdict:
    """What is to be taken, in this order, and what is refused."""

    taken: list[Trade] = field(default_factory=list)
    refused: Heard | None = None


class Jumps:
    """Holds a symbol's trade that jumps far ahead until the next one decides.

    If that continues it, ids have jumped indeed; if it goes on from before, the held one was wrong.
    """

    def __init__(self) -> None:
        self._held: Heard | None = None

    def judge(self, trade: Trade, raw: bytes, known_id: int) -> Verdict:
        """Return what to do with a trade, and with the one that was held.

        Args:
            trade: The newest that came.
            raw: Its bytes.
            known_id: Highest id that is known to exist; -1 when none is.
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
        if held is not None and trade.agg_id == held.trade.agg_id:  # of another connection
            return Verdict()
        if held is not None and 0 < trade.agg_id - held.trade.agg_id <= NEAR:
            self._held = None
            return Verdict([held.trade, trade])
        self._held = Heard(trade, raw)
        return Verdict([], held)


def not_followed(trade: Trade, raw: bytes) -> PoisonMessage:
    """Return why a trade whose id jumped was refused."""
    return PoisonMessage(
        f"id {trade.agg_id} of {trade.symbol} is far beyond the newest, and no trade followed it",
        raw=raw,
    )
