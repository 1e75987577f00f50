"""What the study compares: models on the same questions, coins over the same days. Pure."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import numpy as np
import pandas as pd

LOSSES: Final = ["squared_error_bp2", "pinball_bp"]
_QUESTION: Final = ["symbol", "interval", "open", "issued"]
_ITS: Final = "_of_reference"


def beside_reference(scores: pd.DataFrame) -> pd.DataFrame:
    """Return the scores of the questions that the reference answered too, with its losses."""
    its = scores.loc[scores["model"] == "reference", [*_QUESTION, *LOSSES]]
    return scores.merge(its, on=_QUESTION, suffixes=("", _ITS))


def skill_of(paired: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    """Return one minus the mean loss by that of the reference, for each of the keys.

    Args:
        paired: What `beside_reference` returns.
        keys: Columns, for example model and minutes.
    """
    means = paired.groupby(list(keys))[[*LOSSES, *(f"{loss}{_ITS}" for loss in LOSSES)]].mean()
    return pd.DataFrame({loss: 1 - means[loss] / means[f"{loss}{_ITS}"] for loss in LOSSES})


def throughout(caps: pd.DataFrame, edge: timedelta) -> pd.DataFrame:
    """Return the columns that have values at both ends, without holes.

    A coin that comes later would count as growth, one that is not followed any more for ever.

    Args:
        caps: Values by day, in order; a column for each coin.
        edge: How much later a coin may begin, and how much earlier it may end.
    """
    if caps.empty:
        return caps
    first, last = caps.index[0] + edge, caps.index[-1] - edge
    whole = [
        name
        for name, each in caps.items()
        if each.first_valid_index() <= first and each.last_valid_index() >= last
    ]
    return caps[whole].ffill().bfill()


def missing_since(
    first: pd.Series, candles: pd.Series, until: pd.Timestamp, length: timedelta
) -> pd.Series:
    """Return how many candles each coin lacks from its own first one on.

    Args:
        first: Open time of each coin's first candle.
        candles: How many of each are there.
        until: Open time of the newest candle of all.
        length: Of a candle.
    """
    return (until - first) // length + 1 - candles


def correlation_of(returns: pd.DataFrame, *, fewest: int) -> pd.DataFrame:
    """Return the correlation of coins, those that move with most others first.

    Two returns in common always give +1 or -1: a pair with fewer than `fewest` has none, and a coin
    without any pair is left out.
    """
    found = returns.corr(min_periods=fewest)
    others = found.mask(np.eye(len(found), dtype=bool))
    order = found.mean()[others.notna().any()].sort_values(ascending=False).index
    return found.loc[order, order]


def noise_of(returns: pd.DataFrame) -> pd.DataFrame:
    """Return for each pair the size of correlation that chance alone gives, two standard errors."""
    there = returns.notna().astype(float)
    return 2 / np.sqrt((there.T @ there).replace(0, np.nan))
