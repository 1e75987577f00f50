"""What a dead letter tells of its record, as it is written and as it is read back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.dead_letters import MOST_PARTS, Origin, letter_of, read_letter

IDS = st.tuples(st.integers(0, 2**62), st.integers(1, 2**62)).map(lambda ids: (ids[0], sum(ids)))


@given(st.binary(max_size=100), st.lists(IDS, max_size=5), st.integers(-1, 2**40))
def test_a_letter_is_read_back_as_it_was_written(
    raw: bytes, left_out: list[tuple[int, int]], retried_ms: int
) -> None:
    origin = Origin(
        "it is none", "topic", 3, 7, "candles", "", b"key", (("a", b"b"),), tuple(left_out)
    )

    letter = letter_of(raw, origin, retried_ms=retried_ms)
    found = read_letter(letter.value, letter.headers)

    assert (found.origin, found.value, found.retried_ms) == (origin, raw, retried_ms)


@pytest.mark.parametrize(
    "part", ["", "5", "-", "7-7", "9-5", "-3-5", "a-b", "1-99999999999999999999"]
)
def test_ids_that_are_none_are_left_out(part: str) -> None:
    headers = [("left-out", f"1-2 {part} 5-9".encode())]

    assert read_letter(b"", headers).origin.left_out == ((1, 2), (5, 9))


def test_a_letter_with_many_ranges_stays_small() -> None:
    left_out = tuple((n, n + 1) for n in range(0, 100_000, 2))

    letter = letter_of(b"", Origin("many", left_out=left_out))

    assert read_letter(letter.value, letter.headers).origin.left_out == left_out[:MOST_PARTS]
