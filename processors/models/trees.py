"""Regression trees as text, and predictions from them without the library that trained them.

The text is the part of LightGBM's format that predictions need. Models that earlier versions
trained with LightGBM still give the same answers, to the last bit.

Source: Lucchese et al., "QuickScorer: a fast algorithm to rank documents with additive ensembles of
regression trees", SIGIR (2015); LightGBM, `src/io/tree.cpp`.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isnan
from operator import itemgetter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_Words = np.uint16 | np.uint32 | np.uint64
MOST_LEAVES = 64  # one bit of a word each
_AVERAGE = "average_output"
# Bits of a decision type: bit 0 for categories, bit 1 for missing values that go left, and two bits
# for which values count as missing: none, zero, or NaN.
_DEFAULT_LEFT, _MISSING, _NAN = 2, 12, 8


@dataclass(frozen=True, slots=True)
class Tree:
    """One tree with n leaves and n - 1 splits; the first split is the root.

    Attributes:
        feature: Index of the input that each split compares.
        threshold: Threshold of each split; values up to it go left.
        missing_left: Whether NaN goes left.
        left: Next split on the left, or the complement of a leaf's number.
        right: The same on the right.
        leaf: Value of each leaf.
    """

    feature: Sequence[int]
    threshold: Sequence[float]
    missing_left: Sequence[bool]
    left: Sequence[int]
    right: Sequence[int]
    leaf: Sequence[float]

    def leaves_below(self) -> tuple[list[int], list[tuple[int, int]]]:
        """Return the leaves from left to right, and for each split the range of its left leaves.

        Raises:
            ValueError: The splits do not form a tree.
        """
        order: list[int] = []
        passed: set[int] = set()
        spans = [(0, 0)] * len(self.feature)
        if not len(self.leaf) - 1 == len(self.left) == len(self.right) == len(self.feature):
            raise ValueError("a tree has one leaf more than splits")

        def walk(node: int) -> None:
            if node in passed or not -len(self.leaf) <= node < len(self.feature):
                raise ValueError("a tree reaches each of its splits and leaves once")
            passed.add(node)
            if node < 0:
                order.append(~node)
                return
            first = len(order)
            walk(self.left[node])
            spans[node] = first, len(order)
            walk(self.right[node])

        walk(0 if self.feature else ~0)
        if sorted(order) != list(range(len(self.leaf))):
            raise ValueError("a tree reaches each of its leaves")
        return order, spans


class Trees:
    """Several trees that predict together: the sum or the mean of their values."""

    def __init__(self, text: str, inputs: int) -> None:
        """Read the trees from their text; ``inputs`` is the number of inputs in a row.

        Raises:
            ValueError: The text does not contain trees over so many inputs.
        """
        trees, average = _trees_of(text)
        if not trees or any(not 0 <= f < inputs for t in trees for f in t.feature):
            raise ValueError(f"no trees over {inputs} numbers")
        width = max(len(t.leaf) for t in trees)
        if width > MOST_LEAVES:
            raise ValueError(f"a tree has more than {MOST_LEAVES} leaves")
        self._divisor = len(trees) if average else 1
        self._leaf = np.zeros((len(trees), width))
        self._before = np.arange(len(trees)) * width - 1  # number of leaves before a tree's
        splits: dict[int, list[_Split]] = {0: []}
        for i, tree in enumerate(trees):
            order, spans = tree.leaves_below()
            self._leaf[i, : len(order)] = [tree.leaf[leaf] for leaf in order]
            found = zip(tree.feature, tree.threshold, tree.missing_left, spans, strict=True)
            for feature, threshold, left, span in found:
                splits.setdefault(feature, []).append(_Split(i, threshold, left, span))
        self._take(splits, np.zeros(len(trees), _narrowest(width)))

    def _take(self, splits: Mapping[int, "list[_Split]"], none: NDArray[_Words]) -> None:
        self._thresholds = [sorted({split.threshold for split in s}) for s in splits.values()]
        # With one input more than there are thresholds, so that it always returns a tuple.
        self._picked = itemgetter(*splits, 0)
        tables = [
            _open_leaves(those, thresholds, none)
            for those, thresholds in zip(splits.values(), self._thresholds, strict=True)
        ]
        self._open = np.concatenate(tables)
        self._first = np.cumsum([0, *map(len, tables[:-1])])  # each input's first row of the table

    def predict(self, row: Sequence[float]) -> float:
        """Return the prediction for one row; NaN stands for a missing value."""
        return self.predict_many([row])[0]

    def predict_many(self, rows: Iterable[Sequence[float]]) -> list[float]:
        """Return the prediction for each row, as if it were alone."""
        places = self._first + [self._places(row) for row in rows]
        open_leaves = self._open.take(places, axis=0)
        open_leaves = np.bitwise_and.reduce(open_leaves, axis=1)
        # The leaf reached is the leftmost one that no split has excluded: the lowest bit, counted
        # from 1.
        reached = np.frexp(open_leaves & -open_leaves)[1]
        found = self._leaf.take(self._before + reached)
        # Add one after the other, as LightGBM does: `sum` would add in pairs.
        sums: list[float] = found.cumsum(axis=1)[:, -1].tolist()
        return sums if self._divisor == 1 else [total / self._divisor for total in sums]

    def _places(self, row: Sequence[float]) -> list[int]:
        """Return for each input the number of its row in the input's part of the table."""
        values = self._picked(row)
        places = list(map(bisect_left, self._thresholds, values))
        if isnan(sum(values)):
            found = zip(places, self._thresholds, values, strict=False)
            return [len(t) + 1 if isnan(value) else place for place, t, value in found]
        return places


class _Split(NamedTuple):
    """A split of one tree, and the range of the leaves on its left."""

    tree: int
    threshold: float
    missing_left: bool
    left: tuple[int, int]


def _narrowest(leaves: int) -> type[_Words]:
    # The table has a row for each threshold and a column for each tree: 0.6 MB for 150 small trees.
    return next(word for word in (np.uint16, np.uint32, np.uint64) if np.iinfo(word).bits >= leaves)


def _open_leaves(
    splits: Iterable[_Split], thresholds: list[float], none: NDArray[_Words]
) -> NDArray[_Words]:
    """Return the leaves that the splits on one feature leave open in each tree, as bits.

    Args:
        splits: All splits on the feature.
        thresholds: Their thresholds in ascending order. The n-th row is for a value above n of
            them, and the last row is for NaN.
        none: A row with no leaf open.
    """
    rows = np.repeat(~none[None], len(thresholds) + 2, axis=0)
    for tree, threshold, missing_left, (first, until) in splits:
        left = none.dtype.type((1 << until) - (1 << first))
        rows[bisect_left(thresholds, threshold) + 1 : -1, tree] &= ~left
        if not missing_left:
            rows[-1, tree] &= ~left
    return rows


def text_of(trees: Iterable[Tree], *, average: bool = False) -> str:
    """Return the trees as text; the same trees always give the same text."""
    head = ["tree", *([_AVERAGE] if average else []), ""]
    return "\n".join(head + [line for i, tree in enumerate(trees) for line in _lines(i, tree)])


def _lines(number: int, tree: Tree) -> list[str]:
    decisions = [_NAN | (_DEFAULT_LEFT if left else 0) for left in tree.missing_left]
    lists: dict[str, Sequence[float]] = {
        "split_feature": tree.feature,
        "threshold": tree.threshold,
        "decision_type": decisions,
        "left_child": tree.left,
        "right_child": tree.right,
        "leaf_value": tree.leaf,
    }
    written = [f"{name}={' '.join(map(repr, values))}" for name, values in lists.items()]
    return [f"Tree={number}", f"num_leaves={len(tree.leaf)}", *written, ""]


def _trees_of(text: str) -> tuple[list[Tree], bool]:
    head, *blocks = text.split("\nTree=")
    fields = [
        dict(line.split("=", 1) for line in block.splitlines() if "=" in line) for block in blocks
    ]
    return [_tree_of(found) for found in fields], _AVERAGE in head.splitlines()


def _tree_of(fields: Mapping[str, str]) -> Tree:
    def numbers(name: str) -> list[float]:
        return [float(word) for word in fields.get(name, "").split()]

    def whole(name: str) -> list[int]:
        return [int(word) for word in fields.get(name, "").split()]

    leaf, threshold, decisions = numbers("leaf_value"), numbers("threshold"), whole("decision_type")
    if len(leaf) == 1:
        return Tree((), (), (), (), (), leaf)
    if any(d & 1 or d & _MISSING not in {0, _NAN} for d in decisions):
        raise ValueError("only splits of numbers are known")
    missing_left = [
        bool(d & _DEFAULT_LEFT)
        if d & _MISSING
        else t >= 0  # a split trained without missing values treats NaN as 0
        for d, t in zip(decisions, threshold, strict=True)
    ]
    return Tree(
        whole("split_feature"),
        threshold,
        missing_left,
        whole("left_child"),
        whole("right_child"),
        leaf,
    )
