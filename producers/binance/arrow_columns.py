"""Conversion of Arrow columns to NumPy arrays, without a copy.

`to_numpy` is not used: it imports pandas if installed, which takes a second and 60 MB. Memory
comes from the C library: Arrow's own pool keeps what it took once, as long as a process lives.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from numpy.typing import NDArray

pa.set_memory_pool(pa.system_memory_pool())


def int64_of(column: Any) -> "NDArray[np.int64]":  # noqa: ANN401 - pyarrow has no types
    """Convert an int64 column without nulls."""
    whole = np.frombuffer(column.buffers()[1], "<i8")
    return whole[column.offset : column.offset + len(column)]


def decimal_of(column: Any) -> "NDArray[np.uint8]":  # noqa: ANN401 - pyarrow has no types
    """Convert a decimal128 column without nulls to uint8[n, 16], little-endian."""
    whole = np.frombuffer(column.buffers()[1], np.uint8).reshape(-1, 16)
    return whole[column.offset : column.offset + len(column)]


def bool_of(column: Any) -> "NDArray[np.bool_]":  # noqa: ANN401 - pyarrow has no types
    """Convert a bool column without nulls; Arrow packs eight into a byte, lowest bit first."""
    whole = np.unpackbits(np.frombuffer(column.buffers()[1], np.uint8), bitorder="little")
    return whole[column.offset : column.offset + len(column)].astype(np.bool_)


def price_of(column: Any) -> "NDArray[np.int64]":  # noqa: ANN401 - pyarrow has no types
    """Convert a decimal128 column to integers in units of its last digit.

    Raises:
        ValueError: A value is negative or does not fit into 64 bits.
    """
    halves = np.ascontiguousarray(decimal_of(column)).view("<i8")
    if (halves[:, 1] != 0).any() or (halves[:, 0] < 0).any():
        raise ValueError("a price is negative or has more than 64 bits")
    return halves[:, 0]
