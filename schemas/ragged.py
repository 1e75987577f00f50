"""Rows of bytes with different lengths, assembled column by column without a loop over rows."""

from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


ValueT = TypeVar("ValueT", np.uint8, np.bool_)


@dataclass(frozen=True, slots=True)
class Part:
    """Some bytes of every row. An array with a single row stands for all rows.

    Attributes:
        data: uint8[n, w].
        counts: bool[n, w], true for the bytes that are part of the row; None for all of them.
    """

    data: "NDArray[np.uint8]"
    counts: "NDArray[np.bool_] | None"

    @classmethod
    def constant(cls, data: bytes) -> "Part":
        """Make a part with the same bytes for every row."""
        return cls.fixed(np.frombuffer(data, np.uint8).reshape(1, -1))

    @classmethod
    def fixed(cls, data: "NDArray[np.uint8]") -> "Part":
        """Make a part in which every byte counts."""
        return cls(data, None)


def rows_of(parts: list[Part], rows: int) -> list[bytes]:
    """Assemble each row from its bytes of all parts, in their order."""
    data = _side_by_side([part.data for part in parts], rows)
    if all(part.counts is None for part in parts):
        flat, width = data.tobytes(), data.shape[1]
        return [flat[at : at + width] for at in range(0, len(flat), width)]
    counts = _side_by_side([_counts(part) for part in parts], rows)
    flat = data[counts].tobytes()
    edges = [0, *accumulate(np.count_nonzero(counts, axis=1).tolist())]
    return [flat[a:b] for a, b in pairwise(edges)]


def _counts(part: Part) -> "NDArray[np.bool_]":
    return np.ones((1, part.data.shape[1]), np.bool_) if part.counts is None else part.counts


def _side_by_side(blocks: "list[NDArray[ValueT]]", rows: int) -> "NDArray[ValueT]":
    joined = np.empty((rows, sum(block.shape[1] for block in blocks)), blocks[0].dtype)
    at = 0
    for block in blocks:
        end = at + block.shape[1]
        joined[:, at:end] = block
        at = end
    return joined
