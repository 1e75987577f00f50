"""A model of one's own: River's adaptive Hoeffding tree, which grows anew where the market changes.

Look first at what it is worth on three days, then let it take part:

    .venv/bin/candlewick evaluate tests/data/BTC*.zip --model tree=examples.hoeffding_tree:model
    CANDLEWICK_MODELS__EXTRA=tree=examples.hoeffding_tree:model .venv/bin/candlewick up
"""

from river import tree
from river.base import Regressor


def model() -> Regressor:
    """Return a model that has learned nothing."""
    return tree.HoeffdingAdaptiveTreeRegressor(grace_period=500, seed=1)
