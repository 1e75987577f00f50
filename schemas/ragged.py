"""Rows of bytes of different lengths, put together column by column without a loop over rows."""

from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Part:
    """Some bytes of every row: uint8[n, w], and which of them count; one row stands for all."""

    data: "NDArray[np.uint8]"
    counts: "NDArray[np.bool_]"

    @classmethod
    def constant(cls, data: bytes) -> "Part":
        """Return the same bytes for every row."""
        return cls.fixed(np.frombuffer(data, np.uint8).reshape(1, -1))

    @classmethod
    def fixed(cls, data: "NDArray[np.uint8]") -> "Part":
        """Return bytes that all count."""
        return cls(data, np.ones_like(data, np.bool_))


def rows_of(parts: list[Part], rows: int) -> list[bytes]:
    """Return each row: its bytes of all parts, in their order."""
    width = sum(part.data.shape[1] for part in parts)
    data, counts = np.empty((rows, width), np.uint8), np.empty((rows, width), np.bool_)
    at = 0
    for part in parts:
        end = at + part.data.shape[1]
        data[:, at:end], counts[:, at:end] = part.data, part.counts
        at = end
    flat = data[counts].tobytes()
    edges = [0, *accumulate(counts.sum(axis=1).tolist())]
    return [flat[a:b] for a, b in pairwise(edges)]
