"""Exact sums: equal to Python's own integers, whatever the sizes and wherever the segments."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from processors.candles.exact_sums import segment_dots, segment_sums

SIGNED = st.integers(-(2**63) + 1, 2**63 - 1)
COUNTS = st.integers(0, 2**63 - 1)


def segments(cuts: set[int], length: int) -> list[int]:
    return sorted({0, *(cut % length for cut in cuts)})


def by_hand(values: list[int], starts: list[int]) -> list[int]:
    return [sum(values[a:b]) for a, b in zip(starts, [*starts[1:], len(values)], strict=True)]


@given(st.lists(st.tuples(SIGNED, SIGNED), min_size=1, max_size=300), st.sets(st.integers(0, 999)))
def test_segment_dots_equal_python_integers(pairs: list[tuple[int, int]], cuts: set[int]) -> None:
    starts = segments(cuts, len(pairs))
    left, right = (np.array(column, np.int64) for column in zip(*pairs, strict=True))

    got = segment_dots(left, right, np.array(starts))

    assert got == by_hand([a * b for a, b in pairs], starts)


@given(st.lists(COUNTS, min_size=1, max_size=300), st.sets(st.integers(0, 999)))
def test_segment_sums_equal_python_integers(values: list[int], cuts: set[int]) -> None:
    starts = segments(cuts, len(values))

    assert segment_sums(np.array(values, np.int64), np.array(starts)) == by_hand(values, starts)


def test_sums_near_the_edge_of_what_floats_can_tell_are_exact() -> None:
    rng = np.random.default_rng(7)
    for bits in range(30, 64):
        left = rng.integers(-(2**bits) + 1, 2**bits - 1, 1000)
        right = rng.integers(-(2 ** (bits - 10)) + 1, 2 ** (bits - 10) - 1, 1000)

        (got,) = segment_dots(left, right, np.array([0]))

        assert got == sum(map(int.__mul__, left.tolist(), right.tolist()))
