"""A model of one's own: River's adaptive random forest, in which each tree watches for drift.

CANDLEWICK_MODELS__EXTRA=arf=examples.adaptive_forest:model candlewick up
candlewick evaluate BTC_USDT-1m.feather --model arf=examples.adaptive_forest:model
"""

from river import forest
from river.base import Regressor


def model() -> Regressor:
    """Return a model that has learned nothing."""
    return forest.ARFRegressor(n_models=5, grace_period=500, seed=1)
