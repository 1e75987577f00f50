"""A block of trades, and where in which file it stands."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from schemas.market import TradeBlock


@dataclass(frozen=True, slots=True)
class Placed:
    """A block with the place of its rows.

    Attributes:
        lines: Of each row, the number of its line; the first line is 1.
    """

    block: TradeBlock
    path: Path
    lines: Sequence[int]

    def place_of(self, agg_id: int) -> str:
        """Return where an aggregate of the block stands, for people."""
        row = min(max(agg_id - self.block.first_agg_id, 0), len(self.lines) - 1)
        return f"{self.path}, line {self.lines[row]}"
