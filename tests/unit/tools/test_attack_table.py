"""What an attack writes down: a fault of each kind is a number and its reason."""

from pathlib import Path

import pytest

from tests.attack.__main__ import ATTACKS
from tests.attack.tally import Fault, Tally, table

DOCUMENT = Path(__file__).parents[3] / "docs" / "security.md"


@pytest.mark.parametrize("fault", list(Fault))
def test_a_fault_is_counted_and_its_reason_told(fault: Fault) -> None:
    tally = Tally("3a", "unreadable records", tried=5)
    assert tally.is_clean

    tally.blame(fault, "why", count=7)

    assert not tally.is_clean
    assert "7" in table([tally])
    assert f"3a {fault}: why" in table([tally])


def test_what_tried_nothing_is_not_clean() -> None:
    assert not Tally("3a", "unreadable records").is_clean


@pytest.mark.parametrize("status", [500, 502, 503, 505])
def test_only_a_503_that_says_when_to_come_again_is_an_answer(status: int) -> None:
    tally = Tally("1c", "parameters", tried=2)
    tally.answered(status, "GET /", retry_after=True)
    assert tally.is_clean is (status == 503)
    tally.answered(status, "GET /")
    assert not tally.is_clean


def test_the_table_fits_a_terminal() -> None:
    long = Tally("1c", "x" * 100, tried=99_999)
    assert max(map(len, table([long]).splitlines())) <= 80


def test_the_document_says_what_came_of_every_class() -> None:
    said = DOCUMENT.read_text()
    missing = [a.code for a in ATTACKS if f"{a.code:3}{a.title}"[:30] not in said]
    assert missing == [], "run `make attack` and put its table into docs/security.md"
