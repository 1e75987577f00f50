"""Exact sums of int64 columns over consecutive segments, as Python integers."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_WRAP = 1 << 64
_HALF = 1 << 63
_EXACT_BELOW = 2.0**100
_INT64_SAFE = 2.0**62
_MOST_ROWS = 4096


def segment_sums(values: "NDArray[np.int64]", starts: "NDArray[np.intp]") -> list[int]:
    """Return the sum of each segment of ``values`` (int64[n > 0], not negative)."""
    if float(values.max()) * len(values) < _INT64_SAFE:
        return [int(total) for total in np.add.reduceat(values, starts)]
    return segment_dots(values, np.ones_like(values), starts)


def segment_dots(
    left: "NDArray[np.int64]", right: "NDArray[np.int64]", starts: "NDArray[np.intp]"
) -> list[int]:
    """Return the sum of ``left * right`` over each segment (int64[n] each, any sign).

    The products are summed in uint64, where overflow wraps, which gives the exact sum modulo 2**64.
    A float64 sum, whose error is below (n + 3) * 2**-53 of the sum of absolute products, gives the
    multiple of 2**64 to add. Where that error could reach 2**63, Python integers are used instead.

    Args:
        left: int64[n].
        right: int64[n].
        starts: First index of each segment, ascending from 0; n > starts[-1].

    Source: Higham (2002), Accuracy and Stability of Numerical Algorithms, 2nd ed., section 3.1.
    """
    near = left.astype(np.float64) * right
    if len(left) > _MOST_ROWS or float(np.abs(near).sum()) >= _EXACT_BELOW:
        return _python_dots(left.tolist(), right.tolist(), starts.tolist())
    low = left.view(np.uint64) * right.view(np.uint64)
    wrapped, about = np.add.reduceat(low, starts), np.add.reduceat(near, starts)
    return [_nearest(w, a) for w, a in zip(wrapped.tolist(), about.tolist(), strict=True)]


def _nearest(low: int, near: float) -> int:
    guess = int(near)
    return guess + (low - guess + _HALF) % _WRAP - _HALF


def _python_dots(left: list[int], right: list[int], starts: list[int]) -> list[int]:
    ends = [*starts[1:], len(left)]
    return [
        sum(map(int.__mul__, left[start:end], right[start:end]))
        for start, end in zip(starts, ends, strict=True)
    ]
