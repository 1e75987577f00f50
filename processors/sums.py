"""Exact sums of products of int64 columns, as Python integers, without a loop in Python."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_WRAP = 1 << 64
_HALF = 1 << 63
_EXACT_BELOW = 2.0**100
_INT64_SAFE = 2.0**62
_MOST_ROWS = 4096


def exact_sum(values: "NDArray[np.int64]") -> int:
    """Return the sum of ``values`` (int64[n], not negative)."""
    if float(values.sum(dtype=np.float64)) < _INT64_SAFE:
        return int(values.sum())
    return sum(values.tolist())


def exact_dot(left: "NDArray[np.int64]", right: "NDArray[np.int64]") -> int:
    """Return the sum of ``left * right`` (int64[n] each, any sign).

    The product is summed in uint64, where wrapping is defined, which gives the truth modulo 2**64.
    A float64 sum, whose error is below (n + 3) * 2**-53 of the sum of absolute products, says which
    multiple of 2**64 to add. Where that error could reach 2**63, Python integers do the work.

    Source: Higham (2002), Accuracy and Stability of Numerical Algorithms, 2nd ed., section 3.1.
    """
    x, y = left.astype(np.float64), right.astype(np.float64)
    if len(left) > _MOST_ROWS or float(np.abs(x) @ np.abs(y)) >= _EXACT_BELOW:
        return sum(map(int.__mul__, left.tolist(), right.tolist()))
    low = int(left.astype(np.uint64) @ right.astype(np.uint64))
    return _nearest(low, float(x @ y))


def _nearest(low: int, near: float) -> int:
    guess = int(near)
    return guess + (low - guess + _HALF) % _WRAP - _HALF
