"""A model of one's own: River's adaptive Hoeffding tree, which grows anew where the market changes.

CANDLEWICK_MODELS__EXTRA=tree=examples.hoeffding_tree:model candlewick up
candlewick evaluate BTC_USDT-1m.feather --model tree=examples.hoeffding_tree:model
"""

from river import tree
from river.base import Regressor


def model() -> Regressor:
    """Return a model that has learned nothing."""
    return tree.HoeffdingAdaptiveTreeRegressor(grace_period=500, seed=1)
