"""A model of one's own: River's adaptive random forest, in which each tree watches for drift.

Look first at what it is worth on three days, then let it take part:

    .venv/bin/candlewick evaluate tests/data/BTC*.zip --model arf=examples.adaptive_forest:model
    CANDLEWICK_MODELS__EXTRA=arf=examples.adaptive_forest:model .venv/bin/candlewick up
"""

from river import forest
from river.base import Regressor


def model() -> Regressor:
    """Return a model that has learned nothing."""
    return forest.ARFRegressor(n_models=5, grace_period=500, seed=1)
