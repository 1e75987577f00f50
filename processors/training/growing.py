"""Trains trees with scikit-learn, gradient boosted or as a forest, reproducibly.

Source: Ke et al., "LightGBM: a highly efficient gradient boosting decision tree", NeurIPS (2017),
which scikit-learn follows; Breiman, "Random forests", Machine Learning 45 (2001).
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingRegressor
from threadpoolctl import threadpool_limits

from processors.models.trees import Tree, text_of

Floats = NDArray[np.float64]
SEED = 20_250_520  # the first day of the candles in docs/predictions.md
MOST_ROUNDS = 150  # few rounds with a high learning rate, for speed
PATIENCE = 15
FOREST_TREES = 100
BAG = 0.6  # share of the rows that each tree of a forest sees
LARGEST_BAG = 50_000  # more rows cost time, and do not improve trees of 63 leaves
# The 15 questions about a candle share its close: 300 in a leaf are those of twenty candles.
_FIXED = {"max_features": 0.7, "l2_regularization": 10.0, "random_state": SEED}
_BOOSTED = {"learning_rate": 0.08, "max_leaf_nodes": 31, "min_samples_leaf": 300}
# A round without shrinkage is a whole tree: scikit-learn has no fast forest.
_ONE = {"learning_rate": 1.0, "max_leaf_nodes": 63, "min_samples_leaf": 100, "max_iter": 1}


@dataclass(frozen=True, slots=True)
class Lesson:
    """Training data: inputs float64[n, k], NaN where missing, and targets float64[n].

    A training sets inputs that are always missing to 0.
    """

    inputs: Floats
    target: Floats


def choose_rounds(model: str, fit: Lesson, held: Lesson) -> tuple[int, Floats]:
    """Return the number of trees that is best on the held-out data, and their predictions of it."""
    with one_thread():
        if model == "forest":
            grown = list(_forest(fit))
            return FOREST_TREES, np.mean([tree.predict(held.inputs) for tree in grown], axis=0)
        booster = HistGradientBoostingRegressor(
            **_FIXED, **_BOOSTED, max_iter=MOST_ROUNDS,
            # `tol=0.0`: any gain counts, however small.
            early_stopping=True, n_iter_no_change=PATIENCE, tol=0.0, scoring="loss",
        )  # fmt: skip
        booster.fit(_seen(fit.inputs), fit.target, X_val=held.inputs, y_val=held.target)
        # The first score is that of no tree at all; at least one tree is kept.
        rounds = int(np.argmax(booster.validation_score_[1:])) + 1
        stages = booster.staged_predict(held.inputs)
        return rounds, next(islice(stages, rounds - 1, None))


def grow(model: str, data: Lesson, rounds: int) -> str:
    """Train trees on all of ``data`` and return them as text."""
    with one_thread():
        if model == "forest":
            return text_of((next(_trees_of(tree)) for tree in _forest(data)), average=True)
        booster = HistGradientBoostingRegressor(
            **_FIXED, **_BOOSTED, max_iter=rounds, early_stopping=False
        )
        return text_of(_trees_of(booster.fit(_seen(data.inputs), data.target)))


@contextmanager
def one_thread() -> Iterator[None]:
    """Limit scikit-learn to one thread, as a training is not urgent."""
    # Unless this is set, it asks for the number of physical cores, and warns if there is no answer.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with threadpool_limits(1):
        yield


def _forest(data: Lesson) -> Iterator[HistGradientBoostingRegressor]:
    chance = np.random.default_rng(SEED)
    bag = min(int(BAG * len(data.target)), LARGEST_BAG)
    inputs = _seen(data.inputs)
    # `early_stopping` must be given: with many rows the default shuffles and holds some out.
    for number in range(FOREST_TREES):
        rows = np.sort(chance.choice(len(data.target), bag, replace=False))
        tree = HistGradientBoostingRegressor(
            **_FIXED | _ONE | {"random_state": SEED + number}, early_stopping=False
        )
        yield tree.fit(inputs[rows], data.target[rows])


def _seen(inputs: Floats) -> Floats:
    """Replace an input that is always missing by 0, because scikit-learn refuses it.

    It is done in place: the inputs may take more memory than all the rest.
    """
    never = np.flatnonzero(np.isnan(inputs).all(axis=0))
    if len(never):
        inputs[:, never] = 0.0
    return inputs


def _trees_of(booster: HistGradientBoostingRegressor) -> Iterator[Tree]:
    start = float(booster._baseline_prediction[0, 0])  # noqa: SLF001 - there is no other way
    for (predictor,) in booster._predictors:  # noqa: SLF001 - likewise
        yield _tree_of(predictor.nodes, start)
        start = 0.0  # the first tree carries it, so the sum is scikit-learn's to the last bit


def _tree_of(nodes: NDArray[np.void], start: float) -> Tree:
    is_leaf = nodes["is_leaf"].astype(bool)
    splits, leaves = nodes[~is_leaf], nodes[is_leaf]
    number = np.where(is_leaf, ~(np.cumsum(is_leaf) - 1), np.cumsum(~is_leaf) - 1)
    return Tree(
        feature=splits["feature_idx"].tolist(),
        threshold=splits["num_threshold"].tolist(),
        missing_left=splits["missing_go_to_left"].astype(bool).tolist(),
        left=number[splits["left"]].tolist(),
        right=number[splits["right"]].tolist(),
        leaf=(leaves["value"] + start).tolist(),
    )
