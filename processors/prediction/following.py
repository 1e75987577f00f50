"""What following the chance would have earned: bought when it is high, sold short when it is low.

The first question of a candle whose chance reaches the threshold opens the trade, at the last
price; the candle's close ends it. That price has moved already when the chance is far from even,
which is why a good chance need not be worth money.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

from schemas.predictions import Score

THRESHOLDS = (0.51, 0.52, 0.55, 0.6, 0.7, 0.8, 0.9)
FEES_BP = (0.0, 2.0, 10.0)  # of one order: none, a large trader's, Binance's for takers


@dataclass(frozen=True, slots=True)
class Earned:
    """Trades at one threshold.

    Attributes:
        threshold: The least chance to buy; the same for closing down to sell.
        gross_bp: Mean log return of a trade before fees, basis points; NaN without a trade.
        error_bp: Its standard error; trades of different candles count as independent.
        net_bp: Mean after the fees of both orders, for each of `FEES_BP`.
    """

    threshold: float
    trades: int
    gross_bp: float
    error_bp: float
    net_bp: tuple[float, ...]


class Following:
    """Collects the trades of one symbol that follow the chance champion."""

    __slots__ = ("_sums",)

    def __init__(self) -> None:
        self._sums = {threshold: [0, 0.0, 0.0] for threshold in THRESHOLDS}

    def add(self, scores: Sequence[Score]) -> None:
        """Add all scores of one candle, with the reference's among them."""
        # The reference's point is the last price, so its error is the return from there.
        returns = {s.issued_ms: s.error_bp for s in scores if s.model == "reference"}
        told = sorted(
            (s.issued_ms, s.chance_up)
            for s in scores
            if s.chance_champion and s.chance_up is not None and s.issued_ms in returns
        )
        for threshold, sums in self._sums.items():
            for issued_ms, chance in told:
                if max(chance, 1 - chance) >= threshold:
                    gained = returns[issued_ms] if chance >= threshold else -returns[issued_ms]
                    sums[0] += 1
                    sums[1] += gained
                    sums[2] += gained**2
                    break

    def earned(self) -> list[Earned]:
        """Return what the trades earned, lowest threshold first."""
        return [_earned(threshold, *sums) for threshold, sums in self._sums.items()]


def _earned(threshold: float, trades: float, total: float, squares: float) -> Earned:
    if not trades:
        unknown = float("nan")
        return Earned(threshold, 0, unknown, unknown, (unknown,) * len(FEES_BP))
    mean = total / trades
    error = sqrt(max(squares / trades - mean**2, 0.0) / trades)
    net = tuple(mean - 2 * fee for fee in FEES_BP)
    return Earned(threshold, int(trades), mean, error, net)
