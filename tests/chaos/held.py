"""What is judged: what the store holds, and which part of time is meant."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from schemas.timeframe import MINUTE_MS, Interval

QUARTER_MS: Final = Interval.FIFTEEN_MINUTES.ms
LENGTHS_MS: Final = {"1m": MINUTE_MS, "15m": QUARTER_MS}
GAPPED: Final = "gapped"
QUIET: Final = "quiet"
Values = tuple[Decimal, ...]
Key = tuple[str, str, int]  # interval, symbol, opening time
Minute = tuple[str, int]  # symbol, opening time
Question = tuple[str, int, int, str]  # symbol, opening time, when it was asked, model


@dataclass(frozen=True, slots=True)
class Own:
    """One closed candle of ours."""

    status: str
    revision: int
    values: Values


@dataclass(frozen=True, slots=True)
class Run:
    """All trades of a symbol and an era: rows, different ids, the first and the last."""

    symbol: str
    era: int
    rows: int
    different: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Held:
    """What the store holds.

    Attributes:
        trades: Of each minute the sums of its trades: how many, quantity, quote.
        answers: Predictions that are scored, one entry a row: the question and the price.
        scores: The same of the scores.
        letters: Dead letters that should not be there, as text.
    """

    candles: dict[Key, Own] = field(default_factory=dict)
    trades: dict[Minute, Values] = field(default_factory=dict)
    runs: tuple[Run, ...] = ()
    answers: tuple[tuple[Question, Decimal], ...] = ()
    scores: tuple[tuple[Question, Decimal], ...] = ()
    letters: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """Which part of time is judged.

    Attributes:
        since_ms: First opening time of each symbol that all is known of.
        until_ms: End of what must be there by now.
        doubted: Minutes that nothing can prove, because of what the exchange has done.
        late: Minutes that were first published without all their trades: no question follows them.
    """

    since_ms: dict[str, int]
    until_ms: int
    doubted: frozenset[Minute] = frozenset()
    late: frozenset[Minute] = frozenset()

    def doubts(self, symbol: str, open_ms: int, length_ms: int) -> bool:
        """Return whether any minute of a candle is doubted."""
        return any(
            (symbol, ms) in self.doubted for ms in range(open_ms, open_ms + length_ms, MINUTE_MS)
        )
