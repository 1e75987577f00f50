"""Ranges of an answer, and the answers that are kept for them."""

from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.http.problems import Problem
from api.http.ranges import KEPT_S, KeptAnswers, cut


@dataclass(frozen=True)
class Page:
    body: bytes


@given(st.binary(min_size=1, max_size=300), st.data())
def test_ranges_one_after_the_other_make_the_whole(body: bytes, data: st.DataObject) -> None:
    marks = sorted({0, len(body), *data.draw(st.lists(st.integers(0, len(body)), max_size=6))})
    pieces = [cut(f"bytes={a}-{b - 1}", len(body)) for a, b in pairwise(marks)]

    assert b"".join(body[p.start : p.stop] for p in pieces if p) == body


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        ("bytes=0-0", range(1)),
        ("bytes=7-", range(7, 10)),
        ("bytes=-3", range(7, 10)),
        ("bytes=-99", range(10)),
        ("bytes=2-99", range(2, 10)),
        ("bytes=0-1,4-5", None),
        ("rows=0-1", None),
        ("bytes=-", None),
        ("bytes=٣-٤", None),
    ],
)
def test_a_range_is_read_as_the_rfc_says(asked: str, wanted: range | None) -> None:
    assert cut(asked, 10) == wanted


@pytest.mark.parametrize("asked", ["bytes=10-", "bytes=5-4", "bytes=-0", "bytes=99-100"])
def test_bytes_that_are_not_there_are_refused_with_the_length(asked: str) -> None:
    with pytest.raises(Problem) as refused:
        cut(asked, 10)

    assert refused.value.kind.status == 416
    assert refused.value.headers["Content-Range"] == "bytes */10"


def test_an_answer_is_kept_for_a_minute_and_no_more_than_fits() -> None:
    now_s = [0.0]
    kept = KeptAnswers[Page](lambda: now_s[0], most_bytes=10)
    kept.keep("a", Page(b"123456"))
    kept.keep("b", Page(b"1234"))
    kept.keep("too large", Page(b"12345678901"))
    assert kept.find("a") == Page(b"123456")
    assert kept.find("too large") is None

    kept.keep("c", Page(b"1"))
    assert [name for name in "abc" if kept.find(name)] == ["b", "c"]

    now_s[0] = KEPT_S
    assert [name for name in "abc" if kept.find(name)] == []
